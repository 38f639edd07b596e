import type { ManualClock } from "../src/testing/manual-clock.js";

/** Moves the clock on, in steps, until the promise has settled; fails when that takes more than `maxMs` of its time. */
export async function driveUntilSettled<T>(
  clock: ManualClock,
  promise: Promise<T>,
  { stepMs = 1_000, maxMs = 3_600_000 } = {},
): Promise<T> {
  let isSettled = false;
  const settled = () => {
    isSettled = true;
  };
  void promise.then(settled, settled);
  await driveUntil(clock, () => isSettled, { stepMs, maxMs });
  return promise;
}

/** Moves the clock on, in steps, until something has become true; fails when that takes more than `maxMs` of its time. */
export async function driveUntil(
  clock: ManualClock,
  isTrue: () => boolean,
  { stepMs = 1_000, maxMs = 3_600_000 } = {},
): Promise<void> {
  // First without any time, for what needs none.
  await clock.advance(0);
  for (let passedMs = 0; !isTrue(); passedMs += stepMs) {
    if (passedMs > maxMs) throw new Error(`did not come about within ${maxMs} ms of the manual clock: ${isTrue}`);
    await clock.advance(stepMs);
  }
}
