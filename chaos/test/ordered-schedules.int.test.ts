import fc from "fast-check";
import { expect, test } from "vitest";
import { openOrderedScene } from "./ordered-scene.js";
import { type Happening, happenings, openSchedule } from "./ordered-schedule.js";

const relayCount = 3;
const keyCount = 12;
const enoughMs = 50_000;
/** Also on a slow machine. */
const fewestRuns = 2;

const step = fc.record({
  writes: fc.array(
    fc.record({
      keys: fc.array(fc.nat({ max: keyCount - 1 }), { minLength: 1, maxLength: 25 }),
      rollsBack: fc.nat({ max: 5 }).map((drawn) => drawn === 0),
      /** Steps that its transaction stays open for; mostly none. */
      openFor: fc.oneof(
        { weight: 3, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 4 }) },
      ),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  relay: fc.nat({ max: relayCount - 1 }),
  happening: fc.constantFrom(...(Object.keys(happenings) as Happening[])),
  thenMs: fc.constantFrom(0, 5, 20, 100, 300, 1_200),
});

test("relays that come, go, stall and die, whenever they do, publish the committed events of each key in order and no others", async () => {
  const seed = process.env.CHAOS_SEED;
  const startedAt = performance.now();
  let runs = 0;
  let events = 0;
  let repeated = 0;
  const property = fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 18 }), async (steps) => {
    // On a slow machine fewer schedules are played.
    if (performance.now() - startedAt > enoughMs) return;
    const scene = await openOrderedScene(keyCount);
    const schedule = await openSchedule(scene, relayCount);
    try {
      for (const { writes, relay, happening, thenMs } of steps) {
        await schedule.step({ writes, relay, happening, thenMs });
      }
      await schedule.heal();
      await scene.settled();
      runs += 1;
      events += scene.writer.committed.length;
      repeated += scene.expectOrder();
    } finally {
      await schedule.close();
      await scene.close();
    }
  });
  // Not shrunk: a run takes seconds, and its times are not repeated exactly anyway. A failure prints seed and steps.
  await fc.assert(property, {
    numRuns: 10,
    endOnFailure: true,
    ...(seed !== undefined && { seed: Number(seed) }),
  });
  console.log(`${runs} schedules, ${events} events, ${repeated} repetitions`);
  expect(runs).toBeGreaterThanOrEqual(fewestRuns);
}, 180_000);
