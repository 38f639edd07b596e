import type { ConsumedMessage } from "../protocols/event-consumer.js";

/** A message in a queue of the in-memory broker, as any sender, ours or not, may have put it there. */
export interface MemoryMessage extends Omit<ConsumedMessage, "source" | "redelivered" | "deliveryCount"> {}

/** One message of a queue, and how often it has come back. */
export interface Delivery {
  readonly message: MemoryMessage;
  /** Its place in the queue, which it keeps when it comes back. */
  readonly position: number;
  readonly deliveryCount: number;
}

/** What takes messages out of a queue. */
export interface DeliveryTaker {
  hasRoom(): boolean;
  take(delivery: Delivery): void;
}

/** Messages that wait for competing takers, each message for one of them, in the order of their arrival. */
export class DeliveryQueue {
  readonly deadLetters: MemoryMessage[] = [];
  private readonly ready: Delivery[] = [];
  // The one that had its turn longest ago comes first.
  private readonly takers = new Set<DeliveryTaker>();
  private lastPosition = 0;
  private isWaking = false;

  get readyCount(): number {
    return this.ready.length;
  }

  put(message: MemoryMessage): void {
    this.lastPosition += 1;
    this.ready.push({ message, position: this.lastPosition, deliveryCount: 0 });
    this.wake();
  }

  /** Takes back what was not settled. */
  putBack({ message, position, deliveryCount }: Delivery): void {
    const later = this.ready.findIndex((delivery) => delivery.position > position);
    const index = later < 0 ? this.ready.length : later;
    this.ready.splice(index, 0, { message, position, deliveryCount: deliveryCount + 1 });
    // Not in a microtask: who puts everything back at once must not starve the rest of the process.
    setImmediate(() => this.wake());
  }

  addTaker(taker: DeliveryTaker): void {
    this.takers.add(taker);
    this.wake();
  }

  removeTaker(taker: DeliveryTaker): void {
    this.takers.delete(taker);
  }

  /** Hands out what can be taken, in a turn of its own: nobody gets a message while he is settling another. */
  wake(): void {
    if (this.isWaking) return;
    this.isWaking = true;
    queueMicrotask(() => {
      this.isWaking = false;
      // Not for as long as there are any: what a listener puts back at once is left to the next turn.
      for (let left = this.ready.length; left > 0; left -= 1) {
        const taker = this.nextTaker();
        if (taker === null) return;
        const delivery = this.ready.shift();
        if (delivery === undefined) return;
        this.takers.delete(taker);
        this.takers.add(taker);
        taker.take(delivery);
      }
    });
  }

  private nextTaker(): DeliveryTaker | null {
    for (const taker of this.takers) if (taker.hasRoom()) return taker;
    return null;
  }
}
