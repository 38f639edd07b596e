import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { BucketFence } from "@omni-box/core";
import { bySeq } from "../../repository/event-scenario.js";
import type { OutboxRepositoryCase } from "../outbox-repository-case.js";
import { type BucketScenario, narrowed, type Ownership, openBuckets, takeOverMs } from "./bucket-scenario.js";
import { type FencedWrite, fencedWrites } from "./fenced-writes.js";
import { addScheduled, endSchedules } from "./schedules.js";

const requires = ["ownedBuckets"] as const;

/** A way to lose two buckets; gives the fence that is stale afterwards. */
interface Loss {
  readonly id: string;
  readonly title: string;
  /** Whether the events have to be reported: a fence that never named their bucket is the caller's mistake. */
  readonly reported: boolean;
  lose(scenario: BucketScenario, first: Ownership, passTime: () => Promise<void>): Promise<BucketFence>;
}

const losses: readonly Loss[] = [
  {
    id: "taken-over",
    title: "after another owner has taken the bucket over",
    reported: true,
    async lose({ own }, { fence }, passTime) {
      await passTime();
      await own(2);
      return fence;
    },
  },
  {
    id: "released",
    title: "after the bucket was given up and nobody has it",
    reported: true,
    async lose({ buckets }, { fence }) {
      await buckets.release(fence);
      return fence;
    },
  },
  {
    id: "old-epoch",
    title: "under an epoch before the present one of the same owner",
    reported: true,
    async lose({ buckets, own }, { owner, fence }) {
      await buckets.release(fence);
      await own(2, owner);
      return fence;
    },
  },
  {
    id: "other-owner",
    title: "by another owner that knows the epoch",
    reported: true,
    lose: async (_scenario, { fence }) => ({ ...fence, owner: randomUUID() }),
  },
  {
    id: "other-bucket",
    title: "under a fence for other buckets of the same owner",
    reported: false,
    async lose({ own }, { owner }) {
      return (await own(2, owner)).fence;
    },
  },
];

/** That a worker which lost a bucket can change nothing in it. */
export const staleFenceCases: readonly OutboxRepositoryCase[] = [
  ...losses.flatMap((loss) => fencedWrites.map((write) => staleWrite(loss, write))),
  ...fencedWrites.map(partlyLost),
  ...losses.map(staleEndOfSchedules),
  {
    id: "outbox.buckets.scheduled-partly-lost",
    title:
      "of schedules of several buckets those of held buckets end, and those of the lost one do not, whatever the limit",
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { fence } = await scenario.own(2);
      const kept = await addScheduled(scenario, 0, -60_000);
      const lost = await addScheduled(scenario, 1, -120_000);
      await scenario.buckets.release(narrowed(fence, [1]));
      await scenario.own(1);
      const before = await scenario.stored(lost.id);
      assert.deepEqual(await endSchedules(scenario, fence, 1), [kept.seq]);
      assert.deepEqual(await scenario.stored(lost.id), before);
    },
  },
];

function staleWrite({ id, title, reported, lose }: Loss, { name, write }: FencedWrite): OutboxRepositoryCase {
  return {
    id: `outbox.buckets.stale-${name}-${id}`,
    title: `"${name}" ${title} changes nothing${reported ? " and reports every event" : ""}`,
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const first = await scenario.own(2);
      const refs = [...(await scenario.add(0, 2)), ...(await scenario.add(1, 2))];
      const stale = await lose(scenario, first, () => harness.advanceTime(takeOverMs));
      const before = await Promise.all(refs.map((ref) => scenario.stored(ref.id)));
      const { missing } = await write(scenario, stale, refs);
      if (reported) assert.deepEqual(bySeq(missing), bySeq(refs));
      assert.deepEqual(await Promise.all(refs.map((ref) => scenario.stored(ref.id))), before);
    },
  };
}

/** Schedules of which nothing may be ended, nor called so. */
function staleEndOfSchedules({ id, title, lose }: Loss): OutboxRepositoryCase {
  return {
    id: `outbox.buckets.scheduled-stale-${id}`,
    title: `schedules are not ended ${title}`,
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const first = await scenario.own(2);
      const refs = [await addScheduled(scenario, 0, -60_000), await addScheduled(scenario, 1, -60_000)];
      const stale = await lose(scenario, first, () => harness.advanceTime(takeOverMs));
      const before = await Promise.all(refs.map((ref) => scenario.stored(ref.id)));
      assert.deepEqual(await endSchedules(scenario, stale), []);
      assert.deepEqual(await Promise.all(refs.map((ref) => scenario.stored(ref.id))), before);
    },
  };
}

/** A batch of which one bucket is lost: its rows are reported, those of the others are written. */
function partlyLost({ name, write }: FencedWrite): OutboxRepositoryCase {
  return {
    id: `outbox.buckets.partly-lost-${name}`,
    title: `of "${name}" for several buckets those that are held are written, and the events of the lost one are missing`,
    guarantee: "G5",
    requires,
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      const { fence } = await scenario.own(3);
      const [a, b, c] = [await scenario.add(0, 2), await scenario.add(1, 2), await scenario.add(2, 2)];
      await scenario.buckets.release(narrowed(fence, [1]));
      await scenario.own(1);
      const lost = await Promise.all(b.map(({ id }) => scenario.stored(id)));
      const { missing } = await write(scenario, fence, [...c, ...b, ...a]);
      assert.deepEqual(bySeq(missing), bySeq(b));
      assert.deepEqual(await Promise.all(b.map(({ id }) => scenario.stored(id))), lost, "an event of the lost bucket");
      for (const { id } of [...a, ...c]) {
        const event = await scenario.repository.findById(id);
        const isWritten =
          name === "completed"
            ? event === null
            : event?.attemptsMade !== 0 || event.startedAttempts !== 0 || event.status === "failed";
        assert.ok(isWritten, "an event of a bucket that is held was not written");
      }
    },
  };
}
