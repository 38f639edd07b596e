import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { bySeq, refOf, type Taken } from "../../repository/event-scenario.js";
import type { OutboxRepositoryHarness } from "../outbox-repository-harness.js";
import type { OutboxScenario } from "../outbox-scenario.js";
import { compareStored } from "./compare-stored.js";
import { OutboxModel } from "./outbox-model.js";
import { addAndMaybeRollBack, draftWith, duplicatesAmong } from "./schedule-events.js";
import { type ScheduleStep, type Settlement, scheduleTimes } from "./schedule-step.js";

const { leaseMs, backoffMs } = scheduleTimes;

/**
 * Carries out a schedule on the store and on the model, and compares each step's result and what is stored in the end.
 *
 * @param name - unique in the harness; keeps the schedule's events apart from those of others in the same store
 */
export async function runSchedule(
  harness: OutboxRepositoryHarness<unknown>,
  outbox: OutboxScenario,
  name: string,
  steps: readonly ScheduleStep[],
): Promise<void> {
  const model = new OutboxModel();
  const takenBy = new Map<number, Taken>();
  const filters = { topics: [name] };

  async function add(keys: readonly (number | null)[], rollBack: boolean): Promise<void> {
    const drafts = keys.map((key) => draftWith(name, key));
    const expected = duplicatesAmong(drafts, model);
    const added = await addAndMaybeRollBack(harness, outbox, drafts, rollBack);
    assert.deepEqual(
      added.map(({ duplicate }) => duplicate),
      expected,
      "reported duplicates",
    );
    if (rollBack) return;
    for (const [index, { id, seq }] of added.entries()) {
      const { idempotencyKey: key, maxAttempts } = drafts[index] ?? assert.fail("more results than events");
      if (seq !== null) model.add({ id, seq, key, maxAttempts });
    }
  }

  async function take(worker: number, limit: number): Promise<void> {
    const due = model.due().map(({ seq }) => seq);
    const taken = await outbox.take({ limit, filters, leaseMs });
    const seqs = taken.events.map(({ seq }) => seq);
    // Which of the due events come first is the store's choice when some of them have backed off.
    const notDue = seqs.filter((seq) => !due.includes(seq));
    assert.deepEqual(notDue, [], "events that are not due were taken");
    assert.equal(seqs.length, Math.min(limit, due.length), "number of events taken");
    assert.deepEqual(seqs, inOrder(seqs), "order of the events taken");
    remember(worker, taken);
  }

  async function takeTogether(limit: number): Promise<void> {
    const due = model.due().map(({ seq }) => seq);
    const both = await Promise.all([
      outbox.take({ limit, filters, leaseMs }),
      outbox.take({ limit, filters, leaseMs }),
    ]);
    const seqs = both.flatMap(({ events }) => events.map(({ seq }) => seq));
    assert.equal(seqs.length, new Set(seqs).size, "an event was taken by both");
    assert.deepEqual(
      seqs.filter((seq) => !due.includes(seq)),
      [],
      "events that are not due were taken",
    );
    both.forEach((taken, worker) => {
      assert.ok(taken.events.length <= limit, "more events than the limit");
      remember(worker, taken);
    });
  }

  function remember(worker: number, taken: Taken): void {
    takenBy.set(worker, taken);
    for (const { seq } of taken.events) {
      const event = model.events.find((candidate) => candidate.seq === seq);
      if (event !== undefined) model.lease(event, taken.fence.token);
    }
  }

  async function settle(worker: number, as: Settlement, everyNth: number): Promise<void> {
    const taken = takenBy.get(worker);
    if (taken === undefined) return;
    const { token } = taken.fence;
    const events = taken.events.filter((_, index) => index % everyNth === 0);
    const missing = events.map(refOf).filter((ref) => model.held(ref, token) === undefined);
    const receipt = await record(outbox, { fence: taken.fence, events }, as);
    assert.deepEqual(bySeq(receipt.missing), bySeq(missing), "rows reported as missing");
    for (const given of events) {
      const event = model.held(given, token);
      if (event === undefined) continue;
      if (as === "complete") event.status = "gone";
      else if (as === "release") model.release(event, given.attemptsMade, null, null);
      else if (as === "retry") model.release(event, given.attemptsMade + 1, backoffMs, "tried");
      else model.fail(event, given.attemptsMade + 1, "given up");
    }
  }

  async function extend(worker: number): Promise<void> {
    const taken = takenBy.get(worker);
    if (taken === undefined) return;
    const refs = taken.events.map(refOf);
    const held = refs.map((ref) => model.held(ref, taken.fence.token));
    const { missing } = await outbox.record(
      (fence, rows) => outbox.repository.extendLease(fence, rows, leaseMs),
      taken.fence,
      refs,
    );
    assert.deepEqual(bySeq(missing), bySeq(refs.filter((_, index) => held[index] === undefined)), "rows not extended");
    for (const event of held) if (event !== undefined) model.lease(event, taken.fence.token);
  }

  async function lock(worker: number, index: number): Promise<void> {
    const id = idAt(model, index);
    if (id === undefined) return;
    const event = model.stored(id);
    const token = randomUUID();
    const locked = await outbox.repository.lock(id, { token, workerId: "kit", leaseMs });
    assert.equal(locked !== null, event !== undefined && model.canLock(event), "whether the lock was granted");
    if (locked !== null) remember(worker, { fence: { kind: "lease", token }, events: [locked] });
  }

  async function unlock(index: number): Promise<void> {
    const id = idAt(model, index);
    if (id === undefined) return;
    const event = model.stored(id);
    const unlocked = await outbox.repository.forceUnlock(id, "unlocked");
    assert.equal(unlocked !== null, event?.status === "pending", "whether the event was unlocked");
    if (event?.status !== "pending") return;
    event.token = null;
    event.lastError = "unlocked";
  }

  for (const step of steps) {
    if (step.do === "add") await add(step.keys, step.rollBack);
    else if (step.do === "take") await take(step.worker, step.limit);
    else if (step.do === "take-together") await takeTogether(step.limit);
    else if (step.do === "settle") await settle(step.worker, step.as, step.everyNth);
    else if (step.do === "extend") await extend(step.worker);
    else if (step.do === "lock") await lock(step.worker, step.event);
    else if (step.do === "unlock") await unlock(step.event);
    else {
      model.pass(step.ms);
      await harness.advanceTime(step.ms);
    }
  }
  for (const event of model.events) await compareStored(outbox.repository, model, event);
}

function record({ repository, record: call, ...outbox }: OutboxScenario, taken: Taken, as: Settlement) {
  if (as === "complete") return outbox.complete(taken);
  if (as === "release") return outbox.release(taken);
  if (as === "fail") return outbox.fail(taken, "given up");
  const retried = taken.events.map((event) => ({
    ...refOf(event),
    attemptsMade: event.attemptsMade + 1,
    startedAttempts: 0,
    delayMs: backoffMs,
    error: "tried",
  }));
  return call(repository.recordPending, taken.fence, retried);
}

function idAt({ events }: OutboxModel, index: number): string | undefined {
  return events[index % Math.max(1, events.length)]?.id;
}

function inOrder(seqs: readonly bigint[]): bigint[] {
  return [...seqs].sort((a, b) => (a < b ? -1 : 1));
}
