import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type BucketWorker, createBucketWorkers, graceMs, leaseMs } from "../../test/bucket-workers.js";

const all = [0, 1, 2, 3, 4, 5, 6, 7];
const troubles = [
  "start",
  "pause",
  "resume",
  "cutOff",
  "reconnect",
  "close",
  "busy",
  "idle",
  "doubt",
  "lose",
  "lock",
  "unlock",
] as const;
const methods = ["renew", "survey", "acquire", "release", "markClean"] as const;
const schedules = fc.array(
  fc.record({ trouble: fc.constantFrom(...troubles), pick: fc.nat({ max: 50 }), forMs: fc.nat({ max: leaseMs }) }),
  { maxLength: 40 },
);

async function makeTrouble(worker: BucketWorker, trouble: (typeof troubles)[number], pick: number): Promise<void> {
  const { ownership, inFlight } = worker;
  const owned = ownership.readable[pick % Math.max(1, ownership.readable.length)];
  if (trouble === "pause") worker.pause();
  if (trouble === "resume") worker.resume();
  if (trouble === "cutOff") worker.isCutOff = true;
  if (trouble === "reconnect") worker.isCutOff = false;
  if (trouble === "doubt") ownership.doubt();
  if (trouble === "lose") worker.loseAnswer(methods[pick % methods.length] ?? "renew");
  if (trouble === "busy" && owned !== undefined) inFlight.add(owned.bucket);
  if (trouble === "idle") settle(worker);
  if (trouble === "lock") worker.locked.add(pick % all.length);
  if (trouble === "unlock") worker.locked.clear();
}

function settle({ ownership, inFlight }: BucketWorker): void {
  for (const bucket of inFlight) {
    inFlight.delete(bucket);
    ownership.drained(bucket);
  }
}

/** That no two workers may write to the same bucket, and that none reads one which it was not told of. */
function expectOneOwnerEach(workers: readonly BucketWorker[]): void {
  const writable = workers.flatMap(({ ownership, announced }) =>
    announced.filter(({ bucket, epoch }) => ownership.remainingMs(bucket, epoch) > 0).map(({ bucket }) => bucket),
  );
  expect(new Set(writable).size).toBe(writable.length);
  for (const { ownership, announced } of workers) {
    for (const { bucket, epoch } of ownership.readable) {
      expect(announced.some((owned) => owned.bucket === bucket && owned.epoch === epoch)).toBe(true);
      expect(ownership.remainingMs(bucket, epoch)).toBeGreaterThan(0);
    }
  }
}

describe("workers that come, go, pause, meet locks, lose their database and its answers", () => {
  it("never have time left on the same bucket at once, and in the end share all of them evenly", async () => {
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        const { createWorker, startWorker, clock } = createBucketWorkers();
        const workers = [await startWorker(), await startWorker()];
        const closed = new Set<BucketWorker>();
        const closings: Promise<void>[] = [];
        for (const { trouble, pick, forMs } of schedule) {
          const worker = workers[pick % workers.length];
          if (trouble === "start" && workers.length < 6) workers.push(await startWorker());
          else if (trouble === "close" && worker !== undefined && !closed.has(worker)) {
            closed.add(worker);
            closings.push(worker.ownership.close());
          } else if (worker !== undefined) await makeTrouble(worker, trouble, pick);
          for (let passedMs = 0; passedMs < forMs; passedMs += 250) {
            await clock.advance(250);
            expectOneOwnerEach(workers);
          }
        }
        const living = workers.filter((worker) => !closed.has(worker));
        if (living.length === 0) {
          const last = createWorker();
          await last.ownership.start();
          living.push(last);
        }
        for (const worker of workers) {
          worker.isCutOff = false;
          worker.locked.clear();
          worker.resume();
          settle(worker);
        }
        // Whatever was orphaned runs out, then everybody gets a share; what is in flight is done at once.
        for (let passedMs = 0; passedMs < 4 * (leaseMs + graceMs); passedMs += 250) {
          await clock.advance(250);
          expectOneOwnerEach(living);
        }
        await Promise.all(closings);
        expect(living.flatMap((worker) => worker.readable()).sort()).toEqual(all);
        const even = all.length / living.length;
        for (const worker of living) {
          expect([Math.floor(even), Math.ceil(even)]).toContain(worker.readable().length);
          expect(worker.ownership.seesAll).toBe(true);
        }
        await Promise.all(living.map(({ ownership }) => ownership.close()));
        expect(clock.pendingTimers).toBe(0);
      }),
      { numRuns: 50 },
    );
    // The machine may be busy: the clock is advanced in many small steps.
  }, 60_000);
});
