import type { Clock } from "../protocols/clock.js";
import { settledOrAborted } from "./settled-or-aborted.js";

/** Lets what has the same key wait for one another, within this process. */
export interface KeyQueue {
  /**
   * Runs `work` when nothing of the key is at work any more, those that came first first.
   *
   * @param work - told what is left of `waitMs`; must not reject
   * @returns `null` when `ended` was aborted, or `waitMs` was over, before its turn
   */
  run<T>(key: string, waitMs: number, ended: AbortSignal, work: (leftMs: number) => Promise<T>): Promise<T | null>;
}

export function createKeyQueue(clock: Clock): KeyQueue {
  const atWork = new Map<string, Promise<unknown>>();

  return {
    async run(key, waitMs, ended, work) {
      const startedMs = clock.monotonicMs();
      const timeUp = new AbortController();
      const cancel = atWork.has(key) ? clock.schedule(waitMs, () => timeUp.abort()) : null;
      // Of those that wait for the same one the first to go on is the next: nothing is awaited between the look and the entry.
      for (let ahead = atWork.get(key); ahead !== undefined; ahead = atWork.get(key)) {
        if ((await settledOrAborted(ahead, ended, timeUp.signal)) !== "aborted") continue;
        cancel?.();
        return null;
      }
      cancel?.();
      const working = work(Math.max(0, waitMs - Math.floor(clock.monotonicMs() - startedMs)));
      atWork.set(key, working);
      try {
        return await working;
      } finally {
        atWork.delete(key);
      }
    },
  };
}
