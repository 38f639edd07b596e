import { FifoList } from "./fifo-list.js";
import type { Publication } from "./publication.js";

/**
 * What is to be written on one channel next: the order of the calls, except after the broker closed a channel over one of
 * several messages. Those suspects then go first, one at a time, until each has its answer.
 */
export class WriteOrder {
  readonly #queue = new FifoList<Publication>();
  readonly #suspects = new FifoList<Publication>();
  /** Keys of which a suspect failed: their later suspects must not overtake it. */
  readonly #stoppedKeys = new Set<string>();
  readonly #maxUnconfirmed: number;

  constructor(maxUnconfirmed: number) {
    this.#maxUnconfirmed = maxUnconfirmed;
  }

  get isEmpty(): boolean {
    return this.#queue.size === 0 && this.#suspects.size === 0;
  }

  /** Those that were never written. */
  get queued(): Iterable<Publication> {
    return this.#queue;
  }

  get suspects(): FifoList<Publication> {
    return this.#suspects;
  }

  enqueue(publication: Publication): void {
    this.#queue.append(publication.place);
  }

  /** Puts publications whose channel the broker closed before everything else, to be written again one at a time. */
  isolate(publications: Iterable<Publication>): void {
    this.#stoppedKeys.clear();
    for (const publication of publications) {
      publication.suspect = true;
      this.#suspects.append(publication.place);
    }
  }

  /** The next one that may be written behind those that are unconfirmed already. */
  next(unconfirmed: FifoList<Publication>): Publication | undefined {
    const isIsolating = this.#suspects.size > 0 || unconfirmed.first?.suspect === true;
    if (unconfirmed.size >= (isIsolating ? 1 : this.#maxUnconfirmed)) return undefined;
    return this.#suspects.first ?? this.#queue.first;
  }

  /** Remembers a failure, which stops the later suspects of the same key. */
  noteFailure(publication: Publication): void {
    if (publication.suspect) this.#stoppedKeys.add(publication.partitionKey);
  }

  /** Whether an earlier suspect of the same key has failed. */
  isStopped(publication: Publication): boolean {
    return publication.suspect && this.#stoppedKeys.has(publication.partitionKey);
  }
}
