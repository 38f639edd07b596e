import assert from "node:assert/strict";
import type { EventStatus, InboxEvent, InboxEventDraft, StoredMessage } from "@omni-box/core";
import { bySeq, refOf, type Taken } from "../../repository/event-scenario.js";
import type { InboxRepositoryFeature, InboxRepositoryHarness } from "../inbox-repository-harness.js";
import { type InboxScenario, kindsOf, repeatConflicts } from "../inbox-scenario.js";
import { rowOf, sampleMessage } from "../sample-message.js";
import { compareStored } from "./compare-stored.js";
import { endTransaction, isExpectedEnd } from "./end-transaction.js";
import { InboxModel } from "./inbox-model.js";
import { type End, type InboxStep, type Settlement, scheduleKeys, scheduleTimes } from "./schedule-step.js";

const { leaseMs, backoffMs } = scheduleTimes;
const keyOf = (message: number) => `key-${message % scheduleKeys}`;

/**
 * Carries out a schedule on the store and on the model, and compares each step's result, and rows and effects in the end.
 *
 * @param name - unique in the harness; keeps the schedule's messages apart from those of others in the same store
 */
export async function runSchedule(
  harness: InboxRepositoryHarness<unknown>,
  features: readonly InboxRepositoryFeature[],
  inbox: InboxScenario,
  name: string,
  steps: readonly InboxStep[],
): Promise<void> {
  const model = new InboxModel();
  const takenBy = new Map<number, Taken<InboxEvent>>();
  const effectOf = (message: number) => `${name}/${message}`;
  const draftsOf = (messages: readonly number[]) =>
    messages.map((message) =>
      sampleMessage({ messageId: effectOf(message), consumerGroup: name, partitionKey: keyOf(message) }),
    );

  async function insertStored(
    messages: readonly number[],
    drafts: readonly InboxEventDraft[],
    answers: readonly StoredMessage[],
    status: EventStatus,
  ): Promise<void> {
    for (const [index, answer] of answers.entries()) {
      const draft = drafts[index] ?? assert.fail("more answers than messages");
      const message = messages[index] ?? assert.fail("more answers than messages");
      if (answer.kind === "stored") model.insert(refOf(await inbox.read(answer.id)), message, draft, status);
    }
  }

  async function handle(messages: readonly number[], inOrder: boolean, end: End): Promise<void> {
    const expected = model.answersFor(messages, keyOf, inOrder);
    const drafts = draftsOf(messages);
    let answers: readonly StoredMessage[] = [];
    const transaction = inbox.transaction(async (tx) => {
      answers = await tx.insertCompleted(drafts, { behindPending: inOrder ? "leave" : "insert" });
      for (const [index, { kind }] of answers.entries()) {
        if (kind === "stored") await harness.writeEffect(tx.client, drafts[index]?.messageId ?? "");
      }
      await endTransaction(harness, tx.client, end);
    });
    assert.ok(await isExpectedEnd(transaction, end), `a transaction that should ${end} did not`);
    assert.deepEqual(kindsOf(answers), expected, "answers of insertCompleted");
    if (end !== "commit") return;
    await insertStored(messages, drafts, answers, "completed");
    for (const [index, kind] of expected.entries()) if (kind === "stored") model.addEffect(messages[index] ?? 0);
  }

  async function handleTogether(messages: readonly number[]): Promise<void> {
    const fresh = new Set(messages.filter((message) => model.rowOf(message) === undefined));
    const orders = [messages, [...messages].reverse()];
    const handled = await Promise.all(
      orders.map(async (order) => {
        const drafts = draftsOf(order);
        return { order, drafts, answers: await repeatConflicts(() => inbox.handle(drafts)) };
      }),
    );
    const storedKinds = handled.flatMap(({ answers }) => kindsOf(answers)).filter((kind) => kind === "stored");
    assert.equal(storedKinds.length, fresh.size, "messages answered as stored by two at once");
    for (const { order, drafts, answers } of handled) await insertStored(order, drafts, answers, "completed");
    for (const message of fresh) model.addEffect(message);
  }

  async function store(messages: readonly number[], status: EventStatus): Promise<void> {
    const expected = model.answersFor(messages, keyOf, false);
    const drafts = draftsOf(messages);
    const answers = await inbox.repository.store(drafts.map((draft) => rowOf(draft, { status })));
    assert.deepEqual(kindsOf(answers), expected, "answers of store");
    await insertStored(messages, drafts, answers, status);
  }

  async function take(worker: number, limit: number, headsOnly: boolean): Promise<void> {
    const keyHeadsOnly = headsOnly && features.includes("keyHeads");
    const due = model.due(keyHeadsOnly);
    const taken = await inbox.take({ limit, leaseMs, keyHeadsOnly, filters: { consumerGroup: name } });
    const rows = taken.events.map(({ seq }) => due.find((row) => row.seq === seq) ?? assert.fail(`${seq} is not due`));
    assert.deepEqual(taken.events.map(refOf), bySeq(rows), "order of the events taken");
    assert.equal(rows.length, Math.min(limit, due.length), "number of events taken");
    for (const row of rows) model.lease(row, taken.fence.token, features.includes("leasedClaim"));
    assert.deepEqual(
      taken.events.map(({ startedAttempts }) => startedAttempts),
      rows.map(({ startedAttempts }) => startedAttempts),
      "starts of the events taken",
    );
    takenBy.set(worker, taken);
  }

  async function process({ fence, events }: Taken<InboxEvent>, end: End): Promise<void> {
    for (const event of events) {
      const row = model.held(event, fence.token);
      let held: boolean | null = null;
      const transaction = inbox.transaction(async (tx) => {
        await harness.writeEffect(tx.client, event.messageId);
        if (end === "swallow-error") await endTransaction(harness, tx.client, end);
        held = await tx.complete(fence, event);
        await endTransaction(harness, tx.client, held || end !== "commit" ? end : "roll-back");
      });
      const expectedEnd = end === "commit" && row === undefined ? "roll-back" : end;
      assert.ok(await isExpectedEnd(transaction, expectedEnd), `a transaction that should ${expectedEnd} did not`);
      if (end !== "swallow-error") assert.equal(held, row !== undefined, "answer of complete");
      if (end !== "commit" || row === undefined) continue;
      model.settle(row, "completed", {
        attemptsMade: row.attemptsMade,
        startedAttempts: 0,
        delayMs: null,
        error: null,
      });
      model.addEffect(row.message);
    }
  }

  async function settle({ fence, events }: Taken<InboxEvent>, as: Settlement): Promise<void> {
    const missing = events.map(refOf).filter((ref) => model.held(ref, fence.token) === undefined);
    const rows = events.map((event) => ({
      ...refOf(event),
      attemptsMade: event.attemptsMade + (as === "release" ? 0 : 1),
      // What was not begun keeps its starts.
      startedAttempts: as === "release" ? event.startedAttempts : 0,
      delayMs: as === "retry" ? backoffMs : null,
      error: as === "release" ? null : as,
    }));
    const { recordFailed, recordPending } = inbox.repository;
    const receipt =
      as === "fail"
        ? await inbox.record(
            recordFailed,
            fence,
            rows.map((row) => ({ ...row, error: as })),
          )
        : await inbox.record(recordPending, fence, rows);
    assert.deepEqual(bySeq(receipt.missing), bySeq(missing), "rows reported as missing");
    for (const given of rows) {
      const row = model.held(given, fence.token);
      if (row !== undefined) model.settle(row, as === "fail" ? "failed" : "pending", given);
    }
  }

  async function countStart({ fence, events }: Taken<InboxEvent>, starts: number): Promise<void> {
    for (const event of events) {
      const row = model.held(event, fence.token);
      const { missing } = await inbox.repository.recordStarted(fence, refOf(event), starts);
      assert.deepEqual(missing, row === undefined ? [refOf(event)] : [], "starts reported as missing");
      if (row !== undefined) row.startedAttempts = starts;
    }
  }

  for (const step of steps) {
    const taken = ("worker" in step && takenBy.get(step.worker)) || null;
    if (step.do === "handle") await handle(step.messages, step.inOrder, step.end);
    else if (step.do === "handle-together") await handleTogether(step.messages);
    else if (step.do === "store") await store(step.messages, step.status);
    else if (step.do === "take") await take(step.worker, step.limit, step.headsOnly);
    else if (step.do === "process") await (taken && process(taken, step.end));
    else if (step.do === "settle") await (taken && settle(taken, step.as));
    else if (step.do === "count-start") await (taken && countStart(taken, step.starts));
    else {
      model.pass(step.ms);
      await harness.advanceTime(step.ms);
    }
  }
  for (const row of model.rows) await compareStored(inbox, row);
  for (const message of new Set(steps.flatMap((step) => ("messages" in step ? step.messages : [])))) {
    const effects = await harness.countEffects(effectOf(message));
    assert.equal(effects, model.effectsOf(message), `effects of message ${message}`);
  }
}
