import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { createGate } from "../../test/gate.js";
import { orderPlaced, step } from "../../test/order-placed.js";
import { sampleInboxEvent } from "../../test/sample-inbox-event.js";
import { limits } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { PermanentError } from "../errors/permanent-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { silentAbort } from "../internal/silent-abort.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import { createEventRouter } from "../routing/create-event-router.js";
import type { HandlerAnswer, HandlerFunction } from "../routing/event-router.js";
import {
  handlerCompleted,
  handlerFailed,
  handlerRetry,
  handlerSkipped,
  handlerStale,
} from "../routing/handler-result.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createPrepareHandling, type ReadyHandling } from "./prepare-handling.js";

type AnyHandler = HandlerFunction<string, unknown, string, { readonly mail: string }>;

const anyVersion = { type: "order.placed", topic: "orders" } as const;
const handlerTimeoutMs = 30_000;

function setUp(handler: AnyHandler = () => {}) {
  const clock = createManualClock();
  const logger = captureLogger();
  const router = createEventRouter<string, { readonly mail: string }>().on(anyVersion, handler);
  const prepare = createPrepareHandling({
    router,
    outbox: null,
    dependencies: { mail: "x" },
    handlerTimeoutMs,
    clock,
    logger,
    olderEvents: "handle",
  });
  async function ready(event: InboxEvent = sampleInboxEvent()): Promise<ReadyHandling<string>> {
    const preparation = await prepare(event);
    if (preparation.kind !== "ready") throw new Error(`not ready: ${JSON.stringify(preparation.outcome)}`);
    return preparation.handling;
  }
  const run = async (signal = silentAbort, event = sampleInboxEvent()) => (await ready(event)).run("tx", signal);
  return { clock, logger, router, prepare, ready, run };
}

/** What the handler's answer comes to. */
const outcomeOf = (answer: unknown): Promise<Outcome> => setUp(() => answer as HandlerAnswer).run();

describe("preparing", () => {
  it("retries an event that nothing handles, naming topic, type and version", async () => {
    const { prepare } = setUp();
    expect(await prepare(sampleInboxEvent({ type: "order.paid", schemaVersion: "7" }))).toEqual({
      kind: "settled",
      outcome: outcome.retry(
        new OmniBoxError(
          "INBOX.NO_HANDLER",
          'no handler for topic "orders", type "order.paid", version "7": register one with router.on(…), or a migration ' +
            "to a version that has one",
        ),
      ),
    });
  });

  it("fails an event for good whose payload does not fit, or cannot be migrated", async () => {
    const { router, prepare } = setUp();
    const failing = { from: "3", to: "1", migrate: () => Promise.reject(new Error("x")) };
    router.on(orderPlaced("1", [failing]), () => {});
    const settledBy = async (changes: Partial<InboxEvent>) => prepare(sampleInboxEvent(changes));
    expect(await settledBy({ payload: {} })).toMatchObject({
      kind: "settled",
      outcome: { kind: "failed", failure: { code: "MESSAGE.SCHEMA_MISMATCH" } },
    });
    expect(await settledBy({ schemaVersion: "3" })).toMatchObject({
      kind: "settled",
      outcome: { kind: "failed", failure: { code: "MESSAGE.MIGRATION_FAILED" } },
    });
  });

  it("fails the row of a message that could not be read, which somebody has set back to pending, without calling a handler", async () => {
    const { prepare } = setUp(() => expect.unreachable("its payload is not what was sent"));
    for (const event of [
      { body: Buffer.from("{ no end") },
      { messageId: `undecodable:${"0".repeat(64)}`, body: null },
    ]) {
      expect(await prepare(sampleInboxEvent(event))).toMatchObject({
        kind: "settled",
        outcome: { kind: "failed", failure: { code: "MESSAGE.UNDECODABLE" } },
      });
    }
  });

  it("does not wait for ever for a schema or migration that does not answer", async () => {
    const { clock, router, prepare } = setUp();
    router.on(orderPlaced("2", [{ ...step("1", "2"), migrate: () => new Promise(() => {}) }]), () => {});
    const preparing = prepare(sampleInboxEvent());
    await clock.advance(handlerTimeoutMs);
    expect(await preparing).toMatchObject({
      kind: "settled",
      outcome: { kind: "retry", failure: { code: "INBOX.HANDLER_TIMEOUT" } },
    });
    expect(clock.pendingTimers).toBe(0);
  });

  it("never rejects, whatever the router does", async () => {
    const { prepare } = setUp();
    const { proxy, revoke } = Proxy.revocable(sampleInboxEvent(), {});
    revoke();
    expect(await prepare(proxy)).toMatchObject({ kind: "settled", outcome: { kind: "retry" } });
  });

  it("runs no handler yet", async () => {
    const handler = vi.fn();
    await setUp(handler).ready();
    expect(handler).not.toHaveBeenCalled();
  });
});

describe("a handler", () => {
  it("is given the transaction, the attempt, the dependencies and a logger that says what it is about", async () => {
    const handler = vi.fn<AnyHandler>((_event, { logger }) => {
      logger.info({ step: 1 }, "shipped");
      logger.warn({ eventType: "own" }, "late");
    });
    const { logger, run } = setUp(handler);
    await run(silentAbort, sampleInboxEvent({ attemptsMade: 2 }));
    const [event, context] = handler.mock.calls[0] ?? [];
    expect(event).toMatchObject({ messageId: "message-1", payload: { total: 12.5 } });
    expect(context).toMatchObject({ tx: "tx", attempt: 3, dependencies: { mail: "x" } });
    expect(Object.isFrozen(context)).toBe(true);
    const about = { messageId: "message-1", eventType: "order.placed", consumerGroup: "shipping" };
    expect(logger.lines).toEqual([
      { level: "info", fields: { ...about, step: 1 }, message: "shipped" },
      { level: "warn", fields: { ...about, eventType: "own" }, message: "late" },
    ]);
  });

  it("is called on the transaction of each run", async () => {
    const handler = vi.fn<AnyHandler>();
    const handling = await setUp(handler).ready();
    await handling.run("first", silentAbort);
    await handling.run("second", silentAbort);
    expect(handler.mock.calls.map(([, { tx }]) => tx)).toEqual(["first", "second"]);
  });

  it.each([
    [undefined, outcome.completed()],
    [handlerCompleted(), outcome.completed()],
    [handlerSkipped("shipped before"), outcome.completed("skipped: shipped before")],
    [handlerStale("version 3 is known"), outcome.completed("stale: version 3 is known")],
    [handlerFailed("no such order"), outcome.failed(new PermanentError("no such order"))],
  ])("that answers with %o comes to %o", async (answer, expected) => {
    expect(await outcomeOf(answer)).toEqual(expected);
  });

  it("that asks for a retry gets the policy's backoff, or the delay until its time, within limits", async () => {
    const failure = { code: "INBOX.HANDLER_RETRY", message: "INBOX.HANDLER_RETRY: no stock" };
    const start = Date.UTC(2026, 0, 1);
    const retryAt = (notBefore?: Date) => outcomeOf(handlerRetry("no stock", { notBefore }));
    expect(await retryAt()).toEqual({ kind: "retry", failure, delayMs: null });
    expect(await retryAt(new Date(start + 90_000))).toEqual({ kind: "retry", failure, delayMs: 90_000 });
    expect(await retryAt(new Date(start - 1))).toMatchObject({ delayMs: 0 });
    expect(await retryAt(new Date(8.64e15))).toMatchObject({ delayMs: limits.retryDelayMaxMs });
  });

  it("that asks for a retry that is not counted is deferred, with its delay or a second", async () => {
    const defer = (notBefore?: Date) => outcomeOf(handlerRetry("no stock", { countAsAttempt: false, notBefore }));
    expect(await defer(new Date(Date.UTC(2026, 0, 1, 0, 1)))).toMatchObject({
      kind: "defer",
      failure: { code: "INBOX.HANDLER_RETRY" },
      delayMs: 60_000,
    });
    expect(await defer()).toMatchObject({ kind: "defer", delayMs: 1_000 });
  });

  it.each([
    [null, "returned null"],
    ["done", "returned a string"],
    [{ id: 1 }, "returned an object that is no result"],
    [{ status: "done" }, "returned an object that is no result"],
    [{ status: "skipped" }, "returned a result whose reason is no text"],
    [{ status: "failed", reason: { card: 4111 } }, "returned a result whose reason is no text"],
    [{ status: "retry", reason: "x" }, "returned a retry whose countAsAttempt is not true or false"],
    [{ status: "retry", reason: 1, countAsAttempt: true }, "returned a result whose reason is no text"],
    [handlerRetry("x", { notBefore: new Date(Number.NaN) }), "returned a retry whose notBefore is no valid Date"],
    [handlerRetry("x", { notBefore: 5 as never }), "returned a retry whose notBefore is no valid Date"],
  ])("that returns %o fails the attempt, and is told so", async (answer, problem) => {
    const error = await outcomeOf(answer).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "INBOX.HANDLER_RETRY",
      failureClass: "retryable",
      message: expect.stringContaining(` ${problem}. A handler returns nothing, or what handlerSkipped`),
    });
    expect(String(error)).not.toMatch(/4111|done/);
  });

  it.each([
    [new TypeError("x"), "retry", "TypeError"],
    [new PermanentError("no such order"), "failed", "INBOX.HANDLER_FAILED"],
    [new OmniBoxError("STORE.UNREACHABLE", "x"), "defer", "STORE.UNREACHABLE"],
    ["text", "retry", "UNKNOWN"],
    [undefined, "retry", "UNKNOWN"],
    [{ payload: 1 }, "retry", "UNKNOWN"],
  ])("that throws %o rejects the run with it", async (thrown, kind, code) => {
    const { clock, run } = setUp(() => {
      throw thrown;
    });
    const error = await run().then(
      () => expect.unreachable("it should have rejected"),
      (reason: unknown) => reason,
    );
    expect(error).toBe(thrown);
    expect(outcome.ofError(error)).toMatchObject({ kind, failure: { code } });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("a handler that is given up", () => {
  const unhandled = vi.fn();
  beforeEach(() => void process.on("unhandledRejection", unhandled));
  afterEach(() => {
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    unhandled.mockReset();
  });

  /** A handler that goes on until its gate is opened, whatever its signal says. */
  function stubborn(end: () => HandlerAnswer = () => {}) {
    const gate = createGate();
    let given: AbortSignal = silentAbort;
    const handler: AnyHandler = async (_event, { signal }) => {
      given = signal;
      await gate.opened;
      return end();
    };
    return { handler, gate, signal: () => given };
  }

  it("is told by its signal, and the run rejects, when its time is over", async () => {
    const { handler, gate, signal } = stubborn();
    const { clock, logger, run } = setUp(handler);
    const running = run().catch((thrown: unknown) => thrown);
    await clock.advance(handlerTimeoutMs - 1);
    expect(signal().aborted).toBe(false);
    await clock.advance(1);
    const error = (await running) as OmniBoxError;
    expect(error).toMatchObject({ code: "INBOX.HANDLER_TIMEOUT", meta: { timeoutMs: handlerTimeoutMs } });
    expect(outcome.ofError(error).kind).toBe("retry");
    expect(signal().reason).toBe(error);

    gate.open();
    await clock.advance(0);
    expect(logger.lines.map(({ message }) => message)).toEqual([
      "the handler ended after its time; what it wrote was rolled back",
    ]);
  });

  it("is told by its signal, and the run rejects, when the lease is lost, without an attempt spent", async () => {
    const { handler, gate, signal } = stubborn(() => Promise.reject(new Error("the transaction is closed")));
    const { clock, logger, run } = setUp(handler);
    const lease = new AbortController();
    const running = run(lease.signal).catch((thrown: unknown) => thrown);
    await clock.advance(0);
    lease.abort();
    const error = await running;
    expect(error).toMatchObject({ code: "INBOX.LEASE_LOST" });
    expect(outcome.ofError(error).kind).toBe("defer");
    expect(signal().aborted).toBe(true);
    expect(clock.pendingTimers).toBe(0);

    gate.open();
    await clock.advance(0);
    expect(logger.lines).toMatchObject([{ level: "debug", message: "the handler failed after its time was over" }]);
  });

  it("is not even called when the lease was lost before", async () => {
    const handler = vi.fn();
    const { clock, run } = setUp(handler);
    await expect(run(AbortSignal.abort())).rejects.toMatchObject({ code: "INBOX.LEASE_LOST" });
    expect(handler).not.toHaveBeenCalled();
    expect(clock.pendingTimers).toBe(0);
  });

  it("counts as in time when it ends before both, and its signal stays as it was", async () => {
    const { handler, gate, signal } = stubborn();
    const { clock, run } = setUp(handler);
    const lease = new AbortController();
    const running = run(lease.signal);
    await clock.advance(handlerTimeoutMs - 1);
    gate.open();
    expect(await running).toEqual(outcome.completed());
    lease.abort();
    await clock.advance(handlerTimeoutMs);
    expect(signal().aborted).toBe(false);
  });

  it("says that it timed out, and not that it was aborted, when it ends because of its signal", async () => {
    const { clock, run } = setUp(
      (_event, { signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(new Error("aborted")));
        }),
    );
    const running = run().catch((thrown: unknown) => thrown);
    await clock.advance(handlerTimeoutMs);
    expect(await running).toMatchObject({ code: "INBOX.HANDLER_TIMEOUT" });
  });
});
