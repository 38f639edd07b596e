import type { CancelTimer, Clock } from "@omni-box/core";

/** Tells the broker about deliveries of one channel. Must not throw. */
export interface SettlementWire {
  /** @param allUpTo - also every earlier delivery that the broker has not been told about */
  ack(tag: number, allUpTo: boolean): void;
  nack(tag: number, requeue: boolean): void;
}

/** Options of {@link Settlements}. */
export interface SettlementsOptions {
  readonly wire: SettlementWire;
  readonly clock: Clock;
  /** Acknowledgements that may wait. */
  readonly batchSize: number;
  /** How long one may wait while there is much in hand; else it waits for the end of the turn. */
  readonly delayMs: number;
  /** Nothing is in hand any more. */
  readonly onEmpty: () => void;
}

/**
 * What is in hand of one channel, and what the broker has not been told yet.
 *
 * Delivery tags count up from 1 on each channel. An acknowledgement of "all up to here" is right only when nothing before it
 * is in hand, so those below the lowest tag in hand go as one, the others singly. Each tag is settled once: a second settlement
 * would make the broker close the channel.
 */
export class Settlements {
  readonly #options: SettlementsOptions;
  /** In ascending order, because tags are added in that order. */
  readonly #inHand = new Set<number>();
  #acked: number[] = [];
  #cancelTimer: CancelTimer | null = null;
  #isDueThisTurn = false;
  #hasEnded = false;

  constructor(options: SettlementsOptions) {
    this.#options = options;
  }

  /** Deliveries that nobody has settled. */
  get unsettled(): number {
    return this.#inHand.size;
  }

  delivered(tag: number): void {
    if (!this.#hasEnded) this.#inHand.add(tag);
  }

  ack(tag: number): void {
    if (!this.#inHand.delete(tag)) return;
    this.#acked.push(tag);
    this.#scheduleFlush();
    this.#afterSettlement();
  }

  nack(tag: number, requeue: boolean): void {
    if (!this.#inHand.delete(tag)) return;
    this.#options.wire.nack(tag, requeue);
    this.#afterSettlement();
  }

  /** Tells the broker everything that waits. */
  flush(): void {
    this.#disarm();
    if (this.#acked.length === 0) return;
    const acked = this.#acked.sort((a, b) => a - b);
    this.#acked = [];
    const [lowestInHand = Number.POSITIVE_INFINITY] = this.#inHand;
    let upTo = 0;
    while (upTo < acked.length && (acked[upTo] as number) < lowestInHand) upTo += 1;
    const { wire } = this.#options;
    if (upTo > 0) wire.ack(acked[upTo - 1] as number, upTo > 1);
    for (const tag of acked.slice(upTo)) wire.ack(tag, false);
  }

  /** The channel is gone: nothing is in hand, and nobody can be told anything. */
  end(): void {
    this.#hasEnded = true;
    this.#disarm();
    this.#acked = [];
    this.#inHand.clear();
    this.#options.onEmpty();
  }

  #scheduleFlush(): void {
    const { batchSize, delayMs, clock } = this.#options;
    if (this.#acked.length >= batchSize) {
      this.flush();
    } else if (this.#inHand.size > 2 * batchSize) {
      this.#cancelTimer ??= clock.schedule(delayMs, () => this.flush());
    } else if (!this.#isDueThisTurn) {
      // With little in hand the broker may have nothing left to send before it hears of this.
      this.#isDueThisTurn = true;
      setImmediate(() => {
        this.#isDueThisTurn = false;
        this.flush();
      });
    }
  }

  #afterSettlement(): void {
    if (this.#inHand.size === 0) this.#options.onEmpty();
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }
}
