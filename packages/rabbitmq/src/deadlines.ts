import type { CancelTimer, Clock } from "@omni-box/core";
import { FifoList, type FifoNode } from "./fifo-list.js";

/** Something that must be over at a point of the monotonic clock. */
export interface Expiring {
  readonly deadlineMs: number;
}

const longestTimerMs = 2_147_483_647;

/**
 * Watches thousands of deadlines with one timer.
 *
 * Entries with the same time-out become due in the order in which they were added, so one list per distinct time-out is
 * sorted by itself, and adding and removing cost the same however many there are.
 */
export class Deadlines<T extends Expiring> {
  readonly #lists = new Map<number, FifoList<T>>();
  readonly #clock: Clock;
  readonly #onDue: (due: readonly T[]) => void;
  #armedForMs = Number.POSITIVE_INFINITY;
  #cancelTimer: CancelTimer | null = null;

  constructor(clock: Clock, onDue: (due: readonly T[]) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  add(node: FifoNode<T>, timeoutMs: number): void {
    let list = this.#lists.get(timeoutMs);
    if (list === undefined) {
      list = new FifoList<T>();
      this.#lists.set(timeoutMs, list);
    }
    list.append(node);
    if (node.value.deadlineMs < this.#armedForMs) this.#arm(node.value.deadlineMs);
  }

  remove(node: FifoNode<T>): void {
    node.list?.remove(node);
    // The timer stays: it costs one wake-up, where re-arming would cost something at every confirm.
  }

  /** Stops the timer if nothing is watched, so that it does not keep the process alive. */
  disarmWhenIdle(): void {
    if (this.#earliest() === Number.POSITIVE_INFINITY) this.#disarm();
  }

  #arm(deadlineMs: number): void {
    this.#disarm();
    this.#armedForMs = deadlineMs;
    const delayMs = Math.ceil(deadlineMs - this.#clock.monotonicMs());
    this.#cancelTimer = this.#clock.schedule(Math.min(Math.max(delayMs, 0), longestTimerMs), () => this.#fire());
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#armedForMs = Number.POSITIVE_INFINITY;
  }

  #fire(): void {
    this.#disarm();
    const nowMs = this.#clock.monotonicMs();
    const due: T[] = [];
    for (const list of this.#lists.values()) {
      for (const value of list) {
        if (value.deadlineMs > nowMs) break;
        due.push(value);
      }
    }
    if (due.length > 0) this.#onDue(due);
    const earliestMs = this.#earliest();
    if (earliestMs < this.#armedForMs) this.#arm(earliestMs);
  }

  /** The earliest deadline; forgets the time-outs that nothing uses any more. */
  #earliest(): number {
    let earliestMs = Number.POSITIVE_INFINITY;
    for (const [timeoutMs, list] of this.#lists) {
      if (list.first === undefined) this.#lists.delete(timeoutMs);
      else earliestMs = Math.min(earliestMs, list.first.deadlineMs);
    }
    return earliestMs;
  }
}
