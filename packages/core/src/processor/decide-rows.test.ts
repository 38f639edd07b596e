import { describe, expect, it } from "vitest";
import { sampleDraft, storeEvents } from "../../test/sample-events.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import { createRetryDecisions } from "../resilience/retry-decisions.js";
import type { RetryLimits, RetryPolicy } from "../resilience/retry-policy.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { decideRows, finalOutcome } from "./decide-rows.js";

const [stored] = (await storeEvents(createMemoryOutboxRepository(), [sampleDraft({ maxAttempts: 3 })])) as [
  OutboxEvent,
];
const event = { ...stored, attemptsMade: 1, startedAttempts: 3 };
const { id, seq } = event;

const ageMs = 60_000;
const nowMs = () => stored.createdAt.getTime() + ageMs;
const decisions = (policy: RetryPolicy) => createRetryDecisions(policy, nowMs);
const retry = decisions({ delayMs: (attempt) => attempt * 1_000 });

function decide(given: Outcome, rules: Partial<Parameters<typeof decideRows>[1]> = {}) {
  return decideRows([{ event, outcome: given }], { retry, deferDelayMs: null, keepsInMemory: false, ...rules });
}

const nothing = { completed: [], pending: [], failed: [] };

describe("decideRows", () => {
  it("completes with nothing but the row's name", () => {
    expect(decide(outcome.completed("why not"))).toEqual({ ...nothing, completed: [{ id, seq }] });
  });

  it("writes nothing for what was recorded together with its work", () => {
    expect(decide(outcome.committed())).toEqual(nothing);
  });

  it("counts a retry as an attempt and backs off by the number of the failed attempt", () => {
    expect(decide(outcome.retry("nacked"))).toEqual({
      ...nothing,
      pending: [{ id, seq, attemptsMade: 2, startedAttempts: 0, delayMs: 2_000, error: "nacked" }],
    });
  });

  it("backs off as long as the handler says, if it does", () => {
    expect(decide(outcome.retry("x", 70)).pending).toMatchObject([{ delayMs: 70 }]);
    expect(decide(outcome.retry("x", 0)).pending).toMatchObject([{ delayMs: 0 }]);
  });

  it("writes an absolute count of attempts, so that repeating the statement changes nothing", () => {
    expect(decide(outcome.retry("x")).pending).toEqual(decide(outcome.retry("x")).pending);
    expect(decide(outcome.failed("x")).failed).toMatchObject([{ attemptsMade: 2 }]);
  });

  it("counts nothing for a deferral, and lets it wait as long as the worker says", () => {
    const deferred = { id, seq, attemptsMade: 1, startedAttempts: 0, delayMs: null, error: null };
    expect(decide(outcome.defer("no connection"))).toEqual({ ...nothing, pending: [deferred] });
    expect(decide(outcome.defer("x"), { deferDelayMs: 200 })).toEqual({
      ...nothing,
      pending: [{ ...deferred, delayMs: 200 }],
    });
  });

  it("lets a deferral wait as long as it asks for itself, within what the store takes", () => {
    const delayOf = (delayMs: unknown) => decide(outcome.defer("x", delayMs as number), { deferDelayMs: 200 }).pending;
    expect(delayOf(0)).toMatchObject([{ attemptsMade: 1, delayMs: 0 }]);
    expect(delayOf(1_000.5)).toMatchObject([{ delayMs: 1_001 }]);
    expect(delayOf(-1)).toMatchObject([{ delayMs: 0 }]);
    expect(delayOf(1e300)).toMatchObject([{ delayMs: 31_536_000_000 }]);
    for (const none of [Number.NaN, "5", undefined]) expect(delayOf(none)).toMatchObject([{ delayMs: 200 }]);
  });

  it("gives a released event back as it was", () => {
    expect(decide(outcome.release("stopping"), { deferDelayMs: 200 })).toEqual({
      ...nothing,
      pending: [{ id, seq, attemptsMade: 1, startedAttempts: 3, delayMs: null, error: null }],
    });
  });

  it("lets a released event wait as long as it asks for", () => {
    const released: Outcome = { kind: "release", reason: "held up", delayMs: 50 };
    expect(decide(released, { deferDelayMs: 200 }).pending).toMatchObject([{ startedAttempts: 3, delayMs: 50 }]);
  });

  it("gives an event up with its error", () => {
    expect(decide(outcome.failed("unroutable"))).toEqual({
      ...nothing,
      failed: [{ id, seq, attemptsMade: 2, error: "unroutable" }],
    });
  });

  it.each([
    ["NaN", Number.NaN, 2_000],
    ["Infinity", Number.POSITIVE_INFINITY, 365 * 86_400_000],
    ["a time before now", -5, 0],
    ["a fraction", 1.2, 2],
    ["ten thousand years", 3e14, 365 * 86_400_000],
  ])("turns %s, as a handler's delay, into one that the store accepts", (_name, delayMs, expected) => {
    expect(decide(outcome.retry("x", delayMs)).pending).toMatchObject([{ delayMs: expected }]);
  });

  it.each([
    ["no number", () => Number.NaN],
    ["nothing", () => undefined as never],
    ["too much", () => Number.POSITIVE_INFINITY],
    [
      "an error",
      () => {
        throw new Error("policy");
      },
    ],
  ])("gets over a retry policy that answers with %s", (_name, delayMs) => {
    const [row] = decide(outcome.retry("x"), { retry: decisions({ delayMs }) }).pending;
    expect(row?.delayMs).toSatisfy((ms: number) => ms >= 1_000 && ms <= 365 * 86_400_000);
    expect(row).toMatchObject({ attemptsMade: 2, error: "x" });
  });
});

describe("finalOutcome", () => {
  const at = (attemptsMade: number) => finalOutcome({ ...event, attemptsMade }, outcome.retry("x", 5), retry);

  it("gives an event up when its last attempt has failed", () => {
    expect([at(0), at(1), at(2), at(7)].map(({ kind }) => kind)).toEqual(["retry", "retry", "failed", "failed"]);
    expect(at(2)).toEqual({ kind: "failed", failure: { code: "UNKNOWN", message: "x" } });
  });

  const kindAt = (attemptsMade: number, limits: RetryLimits) =>
    finalOutcome({ ...event, attemptsMade }, outcome.retry("x"), decisions({ delayMs: () => 0, limits: () => limits }))
      .kind;

  it("gives an event up earlier where the policy allows it fewer attempts than its row, and never later", () => {
    expect([kindAt(0, { maxAttempts: 2 }), kindAt(1, { maxAttempts: 2 })]).toEqual(["retry", "failed"]);
    expect([kindAt(1, { maxAttempts: 9 }), kindAt(2, { maxAttempts: 9 })]).toEqual(["retry", "failed"]);
  });

  it("does not give an event up that is younger than the policy says, to the millisecond", () => {
    expect(kindAt(2, { minAgeMs: ageMs + 1 })).toBe("retry");
    expect(kindAt(2, { minAgeMs: ageMs })).toBe("failed");
    expect(kindAt(1, { minAgeMs: 0 })).toBe("retry");
  });

  it("keeps the count of a young event at its last attempt, as no more fit into its row", () => {
    for (const attemptsMade of [2, 3]) {
      const young = { ...event, attemptsMade };
      const rules = { retry: decisions({ delayMs: (attempt) => attempt, limits: () => ({ minAgeMs: ageMs * 2 }) }) };
      const final = finalOutcome(young, outcome.retry("x"), rules.retry);
      const { pending } = decideRows([{ event: young, outcome: final }], {
        ...rules,
        deferDelayMs: null,
        keepsInMemory: false,
      });
      expect(pending).toMatchObject([{ attemptsMade: 3, delayMs: attemptsMade + 1 }]);
    }
    expect(
      decideRows([{ event: { ...event, attemptsMade: 3 }, outcome: outcome.failed("x") }], {
        retry,
        deferDelayMs: null,
        keepsInMemory: false,
      }).failed,
    ).toMatchObject([{ attemptsMade: 3 }]);
  });

  it.each([
    ["no number", () => ({ maxAttempts: NaN, minAgeMs: "old" as never })],
    ["nothing", () => null as never],
    [
      "an error",
      () => {
        throw new Error("policy");
      },
    ],
  ])("goes by the row's own attempts when the policy's limits are %s", (_name, limits) => {
    const policy = decisions({ delayMs: () => 0, limits });
    const kinds = [1, 2].map(
      (attemptsMade) => finalOutcome({ ...event, attemptsMade }, outcome.retry("x"), policy).kind,
    );
    expect(kinds).toEqual(["retry", "failed"]);
  });

  it("leaves every other outcome as it is, whatever the attempts", () => {
    for (const given of [outcome.completed(), outcome.defer("x"), outcome.release("x"), outcome.failed("x")]) {
      expect(finalOutcome({ ...event, attemptsMade: 3 }, given, retry)).toBe(given);
    }
  });

  it("writes nothing of what stays with its worker, but what was started alone", () => {
    const unstarted = { ...event, startedAttempts: 0 };
    const rules = { retry, deferDelayMs: 5, keepsInMemory: true };
    const kept = [outcome.defer(new Error("away")), outcome.release("stopping")];
    const decided = (of: OutboxEvent) =>
      decideRows(
        kept.map((given) => ({ event: of, outcome: given })),
        rules,
      ).pending;
    expect(decided(unstarted)).toEqual([]);
    expect(decided(event).map(({ attemptsMade, startedAttempts }) => [attemptsMade, startedAttempts])).toEqual([
      [1, 0],
      [1, 0],
    ]);
    const retried = decideRows([{ event: unstarted, outcome: outcome.retry(new Error("no")) }], rules).pending;
    expect(retried).toMatchObject([{ attemptsMade: 2 }]);
  });
});
