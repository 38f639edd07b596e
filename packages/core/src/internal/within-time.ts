import type { Clock } from "../protocols/clock.js";

/** Settles as `work` does, or rejects with the error made by `timedOut` when that takes longer than `timeoutMs`. */
export function withinTime<T>(work: Promise<T>, clock: Clock, timeoutMs: number, timedOut: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.schedule(timeoutMs, () => reject(timedOut()));
    work.then(
      (result) => {
        cancel();
        resolve(result);
      },
      (error: unknown) => {
        cancel();
        reject(error);
      },
    );
  });
}
