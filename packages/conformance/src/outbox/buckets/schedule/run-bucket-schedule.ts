import assert from "node:assert/strict";
import type { AcquiredBucket } from "@omni-box/core";
import type { OutboxRepositoryHarness } from "../../outbox-repository-harness.js";
import { requestFor } from "../bucket-reads.js";
import { type BucketScenario, keysOfBucket, narrowed } from "../bucket-scenario.js";
import { BucketModel, type ModelBucketEvent } from "./bucket-model.js";
import {
  type BucketScheduleStep,
  bucketScheduleBuckets,
  bucketScheduleTimes,
  bucketScheduleWorkers,
} from "./bucket-schedule-step.js";
import { prepareBuckets } from "./prepare-buckets.js";
import { everyNthOf, newOwner, presentFence, restart, type ScheduleOwner } from "./schedule-owner.js";
import { settleRead } from "./settle-read.js";

const { leaseMs, graceMs } = bucketScheduleTimes;

/**
 * Carries out a schedule on the store and on the model, and compares each step's result and what is stored in the end.
 *
 * @param name - unique in the harness; keeps the schedule's events and owners apart from those of others in the same store
 */
export async function runBucketSchedule(
  harness: OutboxRepositoryHarness<unknown>,
  scenario: BucketScenario,
  name: string,
  steps: readonly BucketScheduleStep[],
): Promise<void> {
  const { buckets } = scenario;
  const prepared = await prepareBuckets(harness, scenario, bucketScheduleBuckets);
  const model = new BucketModel(prepared.epochs);
  const workers = Array.from({ length: bucketScheduleWorkers }, () => newOwner(name));
  const bucketCount = await scenario.bucketCount();

  async function add(keys: readonly number[]): Promise<void> {
    for (const key of keys) {
      const bucket = key % bucketScheduleBuckets;
      const partitionKey = keysOfBucket(bucket, bucketCount, key + 1).at(-1) ?? assert.fail("no key of the bucket");
      // More than any event can be tried in a schedule.
      const fields = { partitionKey, maxAttempts: 1_000 };
      for (const ref of await scenario.add(bucket, 1, fields)) model.add({ ...ref, bucket });
    }
  }

  function remember(worker: ScheduleOwner, { bucket, epoch, uncleanTakeovers }: AcquiredBucket): void {
    const known = model.free().find((candidate) => candidate.bucket === bucket);
    assert.ok(known, `bucket ${bucket} was acquired although it is not free`);
    assert.ok(epoch > known.epoch, `epoch ${epoch} of bucket ${bucket} came after epoch ${known.epoch}`);
    const before = known.uncleanTakeovers;
    // Whether an owner that comes back to its own bucket takes it over is up to the store.
    const isSame = known.owner === worker.owner && uncleanTakeovers === before;
    if (known.owner === null || isSame) assert.equal(uncleanTakeovers, before, `take-overs of bucket ${bucket}`);
    else assert.equal(uncleanTakeovers, before + 1, `take-overs of bucket ${bucket}`);
    model.acquire(known, worker.owner, epoch, uncleanTakeovers);
    worker.epochs.set(bucket, epoch);
  }

  async function acquire(worker: ScheduleOwner, limit: number): Promise<void> {
    const expected = model.free().slice(0, limit);
    const acquired = await buckets.acquire({ owner: worker.owner, limit, leaseMs, graceMs });
    assert.deepEqual(numbersOf(acquired), numbersOf(expected), "the buckets acquired");
    for (const bucket of acquired) remember(worker, bucket);
  }

  async function acquireTogether(limit: number): Promise<void> {
    const pair = workers.slice(0, 2);
    const request = { limit, leaseMs, graceMs };
    const answers = await Promise.all(pair.map(({ owner }) => buckets.acquire({ ...request, owner })));
    for (const [index, acquired] of answers.entries()) {
      assert.ok(acquired.length <= limit, "more buckets than the limit");
      // One that both got is not free any more when the second answer is looked at.
      for (const bucket of acquired) remember(pair[index] ?? assert.fail("no such worker"), bucket);
    }
  }

  async function renew(worker: ScheduleOwner): Promise<void> {
    const answer = await buckets.renew(presentFence(worker), leaseMs);
    const held = [...answer.held].sort((a, b) => a - b);
    assert.deepEqual(held, model.renew(worker.owner, worker.epochs), "the buckets renewed");
    assert.deepEqual(answer.passedOver, [], "buckets that nobody has locked");
    worker.epochs = new Map([...worker.epochs].filter(([bucket]) => held.includes(bucket)));
  }

  async function release(worker: ScheduleOwner, everyNth: number): Promise<void> {
    const fence = narrowed(presentFence(worker), everyNthOf([...worker.epochs.keys()], everyNth));
    await buckets.release(fence);
    for (const held of model.held(worker.owner, fence.epochs)) held.owner = null;
    for (const bucket of fence.epochs.keys()) worker.epochs.delete(bucket);
  }

  async function read(worker: ScheduleOwner, limit: number): Promise<void> {
    // Not in the order of their numbers, so that the order asked for is seen.
    const owned = [...worker.epochs.keys()].sort((a, b) => b - a);
    const positions = owned.map((bucket) => ({ bucket, afterSeq: model.afterSeq(), limit: 1_000 }));
    const { rows } = await buckets.read(requestFor(positions, { limit }));
    assert.deepEqual(
      rows.map(({ event, isDue }) => ({ seq: event.seq, isDue })),
      owned.flatMap((bucket) => model.pendingIn(bucket)).slice(0, limit),
      "the events read",
    );
    worker.read = { fence: presentFence(worker), rows: rows.map(({ event }) => event) };
  }

  async function survey(): Promise<void> {
    const { free, workers: living } = await buckets.survey(graceMs);
    assert.equal(free, model.free().length, "free buckets");
    const ours = living.filter(({ id }) => id.startsWith(`${name}/`)).map(({ id }) => id);
    assert.deepEqual(ours.sort(), model.workers().sort(), "living workers");
  }

  async function carryOut(step: BucketScheduleStep): Promise<void> {
    if (step.do === "add") return add(step.keys);
    if (step.do === "acquire-together") return acquireTogether(step.limit);
    if (step.do === "survey") return survey();
    if (step.do === "pass") {
      model.pass(step.ms);
      return harness.advanceTime(step.ms);
    }
    const worker = workers[step.worker] ?? assert.fail("no such worker");
    if (step.do === "acquire") await acquire(worker, step.limit);
    else if (step.do === "renew") await renew(worker);
    else if (step.do === "release") await release(worker, step.everyNth);
    else if (step.do === "read") await read(worker, step.limit);
    else if (step.do === "restart") restart(worker, name);
    else if (step.do === "settle") {
      for (let turn = 0; turn < step.times; turn += 1)
        await settleRead(scenario, model, worker, step.as, step.everyNth);
    } else if (step.do === "clean") {
      await buckets.markClean(presentFence(worker));
      for (const held of model.held(worker.owner, worker.epochs)) held.uncleanTakeovers = 0;
    } else {
      await buckets.leave(worker.owner);
      model.leave(worker.owner);
    }
  }

  try {
    for (const step of steps) await carryOut(step);
    for (const event of model.events) await compareStored(scenario, event);
  } finally {
    await prepared.giveBack();
  }
}

async function compareStored({ repository }: BucketScenario, expected: ModelBucketEvent): Promise<void> {
  const stored = await repository.findById(expected.id);
  if (stored === null) return assert.equal("gone", expected.status, `event ${expected.seq} is not stored`);
  const { status, attemptsMade, startedAttempts, nextAttemptAt } = stored;
  assert.deepEqual(
    { status, attemptsMade, startedAttempts, backsOff: nextAttemptAt !== null },
    {
      status: expected.status,
      attemptsMade: expected.attemptsMade,
      startedAttempts: expected.startedAttempts,
      backsOff: expected.notBeforeMs !== null,
    },
    `what is stored of event ${expected.seq}`,
  );
}

function numbersOf(buckets: readonly { readonly bucket: number }[]): number[] {
  return buckets.map(({ bucket }) => bucket);
}
