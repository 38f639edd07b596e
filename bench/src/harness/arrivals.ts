import type { Message } from "amqplib";
import type { Expected } from "./check-queue.js";

/** Counts what arrives from one lane, by the headers that every relay sends. Takes a byte for each event. */
export class Arrivals {
  /** Messages, repetitions included. */
  received = 0;
  /** Different events. */
  events = 0;
  /** First arrivals before which a later event of their key had arrived. */
  outOfOrder = 0;
  readonly #latestOfKey = new Map<string, number>();
  #seen = new Uint8Array(1 << 16);

  add(message: Message): void {
    const headers = message.properties.headers ?? {};
    const seq = Number(headers["omni-seq"]);
    const key = String(headers["omni-partition-key"]);
    this.received += 1;
    if (seq >= this.#seen.length) {
      const larger = new Uint8Array(seq * 2);
      larger.set(this.#seen);
      this.#seen = larger;
    }
    if (this.#seen[seq] === 1) return;
    this.#seen[seq] = 1;
    this.events += 1;
    if (seq < (this.#latestOfKey.get(key) ?? 0)) this.outOfOrder += 1;
    this.#latestOfKey.set(key, seq);
  }

  /** @throws when events are missing, or the first arrivals of a key's events were out of order and must not be */
  assertComplete({ events, isOrdered, sender }: Expected): void {
    if (this.events !== events) {
      const keys = [...this.#latestOfKey.keys()].slice(-3).join(", ");
      throw new Error(`${sender}: ${events} events were to arrive, ${this.events} did; keys seen last: ${keys}`);
    }
    if (!isOrdered || this.outOfOrder === 0) return;
    throw new Error(`${sender}: ${this.outOfOrder} of ${events} events arrived after a later one of their key`);
  }
}
