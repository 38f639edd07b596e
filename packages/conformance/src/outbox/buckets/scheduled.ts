import assert from "node:assert/strict";
import type { BucketFence, EventRef, OutboxEvent } from "@omni-box/core";
import type { OutboxRepositoryCase } from "../outbox-repository-case.js";
import { backOff, from, readBothWays, requestFor, retried, seqs, seqsOf } from "./bucket-reads.js";
import { type BucketScenario, narrowed, openBuckets } from "./bucket-scenario.js";
import { addScheduled, endSchedules } from "./schedules.js";

const requires = ["ownedBuckets"] as const;
const minuteMs = 60_000;

/** Events that are not to be published before a time of their producer's wish. */
export const scheduledCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.buckets.scheduled-apart",
    title: "a scheduled event is not read before its schedule has been ended, whether its time has come or not",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      await addScheduled(scenario, 0, -minuteMs);
      const plain = await scenario.add(0, 1);
      await addScheduled(scenario, 0, 60 * minuteMs);
      assert.deepEqual(await readSeqs(scenario, 0), seqs(plain));
    },
  },
  {
    id: "outbox.buckets.scheduled-in-time",
    title: "a schedule ends when its time has come and not before, and only once",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { fence } = await scenario.own(2);
      const later = await addScheduled(scenario, 0, 60 * minuteMs);
      const soon = await addScheduled(scenario, 1, 30 * minuteMs);
      await scenario.add(0, 1);
      assert.deepEqual(await endSchedules(scenario, fence), []);
      await harness.advanceTime(31 * minuteMs);
      assert.deepEqual(await scenario.buckets.endSchedules(fence, 1_000), [{ bucket: 1, seq: soon.seq }]);
      assert.deepEqual(await endSchedules(scenario, fence), []);
      await harness.advanceTime(30 * minuteMs);
      assert.deepEqual(await scenario.buckets.endSchedules(fence, 1_000), [{ bucket: 0, seq: later.seq }]);
      assert.deepEqual(await endSchedules(scenario, fence), []);
    },
  },
  {
    id: "outbox.buckets.scheduled-earliest",
    title: "schedules of all held buckets end by their times, the earliest first, up to the limit, and others do not",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { fence } = await scenario.own(3);
      const fourth = await addScheduled(scenario, 0, -3 * minuteMs);
      const second = await addScheduled(scenario, 1, -9 * minuteMs);
      const last = await addScheduled(scenario, 1, -minuteMs);
      const third = await addScheduled(scenario, 0, -6 * minuteMs);
      const first = await addScheduled(scenario, 0, -12 * minuteMs);
      const other = await addScheduled(scenario, 2, -20 * minuteMs);
      const held = narrowed(fence, [0, 1]);
      assert.deepEqual(await endSchedules(scenario, held, 1), [first.seq]);
      assert.deepEqual(await endSchedules(scenario, held, 2), seqs([second, third]));
      assert.deepEqual(await endSchedules(scenario, held, 3), seqs([fourth, last]));
      assert.deepEqual(await endSchedules(scenario, narrowed(fence, [])), []);
      assert.ok((await scenario.stored(other.id)).scheduledAt, "a schedule of another bucket was ended");
    },
  },
  {
    id: "outbox.buckets.scheduled-order",
    title: "an event whose schedule was ended is read in its place by seq, due or not",
    guarantee: "G4",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const held = await scenario.own(1);
      const before = await scenario.add(0, 1);
      const due = await addScheduled(scenario, 0, -minuteMs);
      const backing = await addScheduled(scenario, 0, -9 * minuteMs);
      const behind = await scenario.add(0, 1);
      await backOff(scenario, held, [backing], { delayMs: 10 * minuteMs });
      assert.deepEqual(await readSeqs(scenario, 0), seqs([...before, ...behind]));
      assert.deepEqual(await endSchedules(scenario, held.fence), seqs([due, backing]));
      const whole = requestFor(from(0));
      const read = await readBothWays(scenario, whole);
      assert.deepEqual(seqsOf(read), seqs([...before, due, backing, ...behind]));
      assert.deepEqual(dueOf(read), [true, true, false, true]);
      await harness.advanceTime(11 * minuteMs);
      assert.deepEqual(dueOf(await readBothWays(scenario, whole)), [true, true, true, true]);
    },
  },
  {
    id: "outbox.buckets.scheduled-unchanged",
    title: "the end of a schedule changes nothing else, neither attempts nor backoff nor a lease, and no other event",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { repository } = scenario;
      const held = await scenario.own(1);
      const ended = [
        await addScheduled(scenario, 0, -minuteMs, { payload: { text: "as it was" }, headers: { "x-kept": "yes" } }),
        await addScheduled(scenario, 0, -minuteMs),
        await addScheduled(scenario, 0, -minuteMs),
      ];
      const [, backing, leased] = ended;
      assert.ok(backing && leased);
      await repository.recordPending(held.fence, retried([backing], { attemptsMade: 2, startedAttempts: 1 }));
      assert.ok(await repository.lock(leased.id, { token: leased.id, workerId: "leasing", leaseMs: 10 * minuteMs }));
      const others = [...(await scenario.add(0, 1)), await addScheduled(scenario, 0, 60 * minuteMs)];
      const before = await storedAll(scenario, [...ended, ...others]);
      assert.deepEqual(await endSchedules(scenario, held.fence), seqs(ended));
      const expected = before.map((event, index) => (index < ended.length ? { ...event, scheduledAt: null } : event));
      assert.deepEqual(await storedAll(scenario, [...ended, ...others]), expected);
    },
  },
  {
    id: "outbox.buckets.scheduled-settled",
    title: "the schedule of an event that was completed or has failed is not ended",
    requires: ["ownedBuckets", "keepPublished"],
    async run(harness, features) {
      const scenario = openBuckets(harness, features, { onPublished: "keep" });
      const { fence } = await scenario.own(1);
      const [completed, failed] = [
        await addScheduled(scenario, 0, -minuteMs),
        await addScheduled(scenario, 0, -minuteMs),
      ];
      await scenario.repository.recordCompleted(fence, [completed]);
      await scenario.repository.recordFailed(fence, [{ ...failed, attemptsMade: 1, error: "given up" }]);
      const before = await storedAll(scenario, [completed, failed]);
      assert.deepEqual(await endSchedules(scenario, fence), []);
      assert.deepEqual(await storedAll(scenario, [completed, failed]), before);
    },
  },
  {
    id: "outbox.buckets.scheduled-together",
    title: "of calls at the same time each schedule is ended by one, and all of them by one or the other",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { fence } = await scenario.own(2);
      const refs: EventRef[] = [];
      for (let index = 0; index < 20; index += 1) refs.push(await addScheduled(scenario, index % 2, -minuteMs));
      const calls = Array.from({ length: 4 }, () => endTogether(harness, features, fence));
      const ended = (await Promise.all(calls)).flat();
      assert.deepEqual(
        ended.sort((a, b) => (a < b ? -1 : 1)),
        seqs(refs),
      );
      assert.deepEqual(
        await readSeqs(scenario, 0, 1),
        [0, 1].flatMap((bucket) => seqs(refs.filter((_, index) => index % 2 === bucket))),
      );
    },
  },
];

/** Ends schedules as one of several workers would that share an owner's fence. */
function endTogether(
  harness: Parameters<OutboxRepositoryCase["run"]>[0],
  features: Parameters<OutboxRepositoryCase["run"]>[1],
  fence: BucketFence,
): Promise<readonly bigint[]> {
  return endSchedules(openBuckets(harness, features), fence);
}

async function readSeqs(scenario: BucketScenario, ...buckets: readonly number[]): Promise<bigint[]> {
  return seqsOf(await readBothWays(scenario, requestFor(from(...buckets))));
}

function dueOf(rows: readonly { readonly isDue: boolean }[]): boolean[] {
  return rows.map(({ isDue }) => isDue);
}

async function storedAll({ stored }: BucketScenario, refs: readonly EventRef[]): Promise<OutboxEvent[]> {
  return Promise.all(refs.map(({ id }) => stored(id)));
}
