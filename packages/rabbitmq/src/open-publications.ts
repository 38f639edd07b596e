import type { Clock, PublishOptions } from "@omni-box/core";
import { Deadlines } from "./deadlines.js";
import type { EncodedMessage } from "./encode-message.js";
import { Publication, type PublicationHolder } from "./publication.js";

/** All calls of `publish` that are not settled: each is settled here, once, at its deadline at the latest. */
export class OpenPublications {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines<Publication>;
  #count = 0;
  #onEmpty: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#deadlines = new Deadlines(clock, (due) => this.#expire(due));
  }

  /** Begins a publication and hands it to `holder`; the promise is the caller's. */
  open(
    message: EncodedMessage,
    partitionKey: string,
    options: PublishOptions,
    holder: PublicationHolder,
  ): Promise<void> {
    const { timeoutMs, mayWrite } = options;
    return new Promise((resolve, reject) => {
      const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
      const publication = new Publication(message, partitionKey, holder, deadlineMs, mayWrite, resolve, reject);
      this.#count += 1;
      this.#deadlines.add(publication.expiry, timeoutMs);
      holder.enqueue(publication);
    });
  }

  /** The broker has taken responsibility. */
  confirm(publication: Publication): void {
    this.#close(publication);
    publication.resolve();
  }

  fail(publication: Publication, error: unknown): void {
    this.#close(publication);
    publication.reject(error);
  }

  /** Resolves when every publication is settled, or the time is up. */
  async whenSettled(timeoutMs: number): Promise<void> {
    if (this.#count > 0) {
      await new Promise<void>((resolve) => {
        const cancelTimer = this.#clock.schedule(timeoutMs, resolve);
        this.#onEmpty = () => {
          cancelTimer();
          resolve();
        };
      });
    }
    this.#onEmpty = null;
  }

  /** Stops the timer when nothing is open. */
  rest(): void {
    this.#deadlines.disarmWhenIdle();
  }

  #close(publication: Publication): void {
    publication.place.list?.remove(publication.place);
    this.#deadlines.remove(publication.expiry);
    this.#count -= 1;
    if (this.#count === 0) this.#onEmpty?.();
  }

  #expire(due: readonly Publication[]): void {
    const holders = new Set<PublicationHolder>();
    for (const publication of due) {
      // The failure of one may have settled another.
      if (publication.expiry.list === null) continue;
      holders.add(publication.holder);
      publication.holder.expire(publication);
    }
    for (const holder of holders) holder.afterExpiry();
  }
}
