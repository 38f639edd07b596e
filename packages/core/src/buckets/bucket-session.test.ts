import { expect, it } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { sampleDraft, storeEvents } from "../../test/sample-events.js";
import { outcome } from "../pipeline/outcome.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { ownedBuckets } from "./owned-buckets.js";

it("a session says that there may be more while a suspect has to wait, though nothing else is there", async () => {
  const clock = createManualClock();
  const repository = createMemoryOutboxRepository({ clock, bucketCount: 2 });
  const [suspect] = await storeEvents(repository, [sampleDraft()]);
  const bucket = suspect?.bucket ?? 0;

  /** Acquires the suspect's bucket alone, and dies. */
  async function ownAndDie(owner: string) {
    const acquired = await repository.buckets.acquire({ owner, leaseMs: 1, graceMs: 0, limit: 2 });
    const epochs = new Map(acquired.map(({ bucket, epoch }) => [bucket, epoch]));
    const other = new Map([...epochs].filter(([number]) => number !== bucket));
    await repository.buckets.release({ kind: "buckets", owner, epochs: other });
    await clock.advance(10);
    return { kind: "buckets", owner, epochs } as const;
  }
  const fence = await ownAndDie("first");
  const row = { id: suspect?.id ?? "", seq: suspect?.seq ?? 0n, attemptsMade: 1, startedAttempts: 0 };
  await repository.recordPending(fence, [{ ...row, delayMs: 60_000, error: "not yet" }]);
  await ownAndDie("second");

  const session = ownedBuckets().open(repository, { workerId: "worker", clock, logger: captureLogger() });
  const batch = await session.fetch({ limit: 10 });
  expect([session.condition?.ownedBuckets, batch.events, batch.hasMore]).toEqual([2, [], true]);
  await session.close();
});

it("a session that tries one event, and finds it gone, says that there may be more", async () => {
  const clock = createManualClock();
  const repository = createMemoryOutboxRepository({ clock });
  await storeEvents(repository, [sampleDraft(), sampleDraft()]);
  const session = ownedBuckets().open(repository, { workerId: "worker", clock, logger: captureLogger() });
  const batch = await session.fetch({ limit: 10 });
  const [first, second] = batch.events;
  if (first === undefined || second === undefined || batch.order === undefined) throw new Error("nothing was read");
  // The broker does not answer: the key waits for its first event, which somebody else completes.
  const deferred = outcome.defer(new Error("no answer"));
  expect([batch.order.enter(first), second.partitionKey]).toEqual([true, first.partitionKey]);
  batch.order.leave(first, deferred);
  const results = [first, second].map((event) => ({ event, outcome: deferred }));
  batch.order.settled(results, { lost: [], uncertain: [], unrecorded: [] });
  await repository.recordCompleted(batch.fence, [first]);
  await clock.advance(1_000);
  expect(await session.fetch({ limit: 1 })).toMatchObject({ events: [], hasMore: true });
  expect((await session.fetch({ limit: 1 })).events.map(({ seq }) => seq)).toEqual([second.seq]);
  await session.close();
});
