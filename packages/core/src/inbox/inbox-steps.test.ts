import { describe, expect, it } from "vitest";
import { createInboxFixture } from "../../test/inbox-fixture.js";
import { createInboxProcessorFixture, inboxRow } from "../../test/inbox-processor-fixture.js";
import { ownedBuckets } from "../buckets/owned-buckets.js";
import { PermanentError } from "../errors/permanent-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { circuitBreaker } from "../steps/circuit-breaker.js";
import { fallback } from "../steps/fallback.js";
import { rateLimit } from "../steps/rate-limit.js";

const breakerOptions = { failureThreshold: 3, halfOpenAfterMs: 10_000, random: () => 0 };

/** The service that handlers call. */
function service() {
  const state = { isUp: true, calls: 0 };
  const call = async () => {
    state.calls += 1;
    if (!state.isUp) throw Object.assign(new Error("nobody is there"), { code: "ECONNREFUSED" });
  };
  return { state, call };
}

const numbered = (count: number) => Array.from({ length: count }, (_, n) => `message ${n}`);

const inOrder = [
  ["rows in order", { ordering: "perKey" }],
  ["owned buckets", { fetch: ownedBuckets() }],
] as const;

describe.each([["leased rows", {}], ...inOrder] as const)(
  "a circuit breaker around the handlers of an inbox processor over %s",
  (_name, options) => {
    it("stays open while their service is down, spends no attempts meanwhile, and lets all go when it is up", async () => {
      const { state, call } = service();
      const breaker = circuitBreaker<InboxEvent>(breakerOptions);
      const { process, store, clock, effects, until, inbox, settle } = createInboxProcessorFixture();
      const { processor, logger } = process(call, { steps: [breaker], ...options });
      await store(...numbered(60));
      state.isUp = false;
      await processor.start();
      await clock.advance(9_000);
      const atFirst = state.calls;
      expect(atFirst).toBeLessThanOrEqual(60);
      expect(processor.health()).toMatchObject({
        status: "degraded",
        reasons: ["the circuit breaker is open: nobody is there"],
      });
      await clock.advance(291_000);
      const tries = state.calls - atFirst;
      expect(tries).toBeGreaterThanOrEqual(5);
      expect(tries).toBeLessThanOrEqual(30);
      expect(inbox.all().reduce((sum, { attemptsMade }) => sum + attemptsMade, 0)).toBe(atFirst);
      const { batches, emptyPolls } = processor.metrics();
      // An idle processor polls once in a second, and ten times after each event that it finds.
      expect(batches + emptyPolls).toBeLessThan(4 * 300);
      state.isUp = true;
      await until(() => effects.length === 60);
      expect(new Set(effects).size).toBe(60);
      expect(logger.alarms.filter((line) => line.includes("circuit breaker"))).toEqual([
        "the circuit breaker has opened: nobody is there",
        "the circuit breaker has closed: what it guards works again",
      ]);
      await settle(processor.stop());
    });
  },
);

describe.each(inOrder)("behind a circuit breaker of an inbox processor over %s", (_name, options) => {
  it("the order of each key is kept", async () => {
    const { state, call } = service();
    const { process, store, clock, effects, until, settle } = createInboxProcessorFixture();
    const { processor } = process(call, { steps: [circuitBreaker<InboxEvent>(breakerOptions)], ...options });
    await store(...numbered(30).map((id, n) => inboxRow(id, { partitionKey: `key ${n % 4}` })));
    state.isUp = false;
    await processor.start();
    await clock.advance(25_000);
    state.isUp = true;
    await until(() => effects.length === 30);
    for (let key = 0; key < 4; key += 1) {
      const ofKey = numbered(30).filter((_, n) => n % 4 === key);
      expect(effects.filter((id) => ofKey.includes(id))).toEqual(ofKey);
    }
    await settle(processor.stop());
  });
});

describe("steps around handlers on arrival", () => {
  it("an open breaker stores what arrives, and the processor handles it later", async () => {
    const { state, call } = service();
    const breaker = circuitBreaker<InboxEvent>(breakerOptions);
    const { consumer, send, until, rows, effects, ready, settle, clock } = createInboxFixture(
      { steps: [breaker] },
      call,
    );
    await consumer.start();
    state.isUp = false;
    for (const id of numbered(20)) send(id);
    await until(() => ready() === 0 && rows().length === 20);
    await clock.advance(9_000);
    expect(consumer.health()).toMatchObject({
      status: "degraded",
      reasons: ["the circuit breaker is open: nobody is there"],
    });
    const attempts = rows().reduce((sum, { attemptsMade }) => sum + attemptsMade, 0);
    expect(attempts).toBeLessThanOrEqual(state.calls);
    state.isUp = true;
    await until(() => effects.length === 20);
    expect(new Set(effects).size).toBe(20);
    await settle(consumer.stop());
  });

  it("a rate limit is one for consumer and processor together", async () => {
    const handledAt: number[] = [];
    const limit = rateLimit<InboxEvent>({ perSecond: 10, burst: 1 });
    const fixture = createInboxFixture({ steps: [limit] }, () => void handledAt.push(fixture.clock.monotonicMs()));
    const { consumer, send, until, effects, rows, settle } = fixture;
    await consumer.start();
    for (const id of numbered(50)) send(id);
    await until(() => effects.length === 50);
    for (const atMs of handledAt) {
      expect(handledAt.filter((other) => other >= atMs && other < atMs + 1_000).length).toBeLessThanOrEqual(11);
    }
    expect(rows().every(({ status, attemptsMade }) => status === "completed" && attemptsMade === 0)).toBe(true);
    await settle(consumer.stop());
  });

  it.each(["effectivelyOnce", "atMostOnce"] as const)(
    "a fallback completes a message that its handler gives up (%s)",
    async (ack) => {
      const fellBack: string[] = [];
      const step = fallback<InboxEvent>(async ({ messageId }) => void fellBack.push(messageId));
      const { consumer, send, until, rows, results, settle } = createInboxFixture({ steps: [step], ack }, () => {
        throw new PermanentError("no such order");
      });
      await consumer.start();
      send("m");
      await until(() => results.length === 1);
      expect(fellBack).toEqual(["m"]);
      expect(results).toMatchObject([{ processed: true, committed: true, failure: null }]);
      expect(rows()).toEqual(ack === "atMostOnce" ? [] : [{ messageId: "m", status: "completed", attemptsMade: 0 }]);
      await settle(consumer.stop());
    },
  );
});

describe("a fallback in an inbox processor", () => {
  it("is called with the event's last attempt, and completes it", async () => {
    const fellBack: string[] = [];
    const { process, store, until, row, settle, effects } = createInboxProcessorFixture();
    const { processor } = process(() => Promise.reject(new Error("no")), {
      steps: [
        fallback<InboxEvent>(({ messageId, attemptsMade }) => void fellBack.push(`${messageId} ${attemptsMade}`)),
      ],
    });
    await store(inboxRow("m", { maxAttempts: 3 }));
    await processor.start();
    await until(() => row("m").status === "completed");
    expect([fellBack, effects, row("m").attemptsMade]).toEqual([["m 2"], [], 2]);
    await settle(processor.stop());
  });
});
