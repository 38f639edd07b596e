import { describe, expect, it, vi } from "vitest";
import { createGate } from "../../test/gate.js";
import { sampleInboxEvent } from "../../test/sample-inbox-event.js";
import { pipelineOf, stepContext } from "../../test/step-context.js";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { PermanentError } from "../errors/permanent-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import { type CircuitBreakerOptions, circuitBreaker } from "./circuit-breaker.js";

const down = () => outcome.retry(Object.assign(new Error("nobody is there"), { code: "ECONNREFUSED" }));

function setUp(options: CircuitBreakerOptions<InboxEvent> = {}) {
  const { clock, logger, context } = stepContext();
  const step = circuitBreaker<InboxEvent>({ failureThreshold: 2, halfOpenAfterMs: 1_000, random: () => 0, ...options });
  const handle = vi.fn(async (_event: InboxEvent): Promise<Outcome> => down());
  const pipeline = pipelineOf(step, handle);
  const run = (topic = "orders") => pipeline(sampleInboxEvent({ topic }), context);
  return { clock, logger, step, handle, run };
}

describe("circuitBreaker", () => {
  it("defers what comes while it is open, without an attempt, until something may be tried", async () => {
    const { run, handle, clock } = setUp();
    expect([await run(), await run()]).toEqual([down(), down()]);
    await clock.advance(300);
    expect(await run()).toEqual({
      kind: "defer",
      failure: {
        code: "PIPELINE.CIRCUIT_OPEN",
        message: "PIPELINE.CIRCUIT_OPEN: the circuit breaker is open: nobody is there",
      },
      delayMs: 700,
    });
    expect(handle).toHaveBeenCalledTimes(2);
  });

  it("tries one event of many, and works on all when that one completes", async () => {
    const { run, handle, clock } = setUp();
    await Promise.all([run(), run()]);
    await clock.advance(1_000);
    const gate = createGate<Outcome>();
    handle.mockImplementation(() => gate.opened);
    const [tried, ...others] = [run(), run(), run()];
    expect(await Promise.all(others)).toMatchObject([
      { kind: "defer", delayMs: defaults.putOffMs },
      { kind: "defer", delayMs: defaults.putOffMs },
    ]);
    expect(handle).toHaveBeenCalledTimes(3);
    gate.open(outcome.completed());
    expect(await tried).toEqual(outcome.completed());
    await Promise.all([run(), run()]);
    expect(handle).toHaveBeenCalledTimes(5);
  });

  it("spends no attempt on a failed try, and lets the event come again behind those that wait", async () => {
    const { run, handle, clock } = setUp();
    await Promise.all([run(), run()]);
    const failure = { code: "ECONNREFUSED", message: "nobody is there" };
    for (const [given, delayMs] of [
      [down(), 2_000],
      [outcome.retry(failure.message, 5_000), 5_000],
      [{ kind: "defer", failure, delayMs: null } as const, 2_000],
    ] as const) {
      await clock.advance(1_000);
      handle.mockResolvedValue(given);
      expect(await run()).toMatchObject({ kind: "defer", failure: { message: failure.message }, delayMs });
    }
  });

  it("has one line in the log when it opens and one when it closes, however many tries fail between", async () => {
    const onChange = vi.fn();
    const { run, handle, clock, logger, step } = setUp({ onChange });
    await Promise.all([run(), run(), run()]);
    for (let tries = 0; tries < 3; tries += 1) {
      await clock.advance(defaults.breakerHalfOpenMaxMs);
      await run();
    }
    expect(step.healthReasons()).toEqual(["the circuit breaker is open: nobody is there"]);
    handle.mockResolvedValue(outcome.completed());
    await clock.advance(defaults.breakerHalfOpenMaxMs);
    await run();
    expect(logger.alarms).toEqual([
      "the circuit breaker has opened: nobody is there",
      "the circuit breaker has closed: what it guards works again",
    ]);
    expect(step.healthReasons()).toEqual([]);
    const seen = onChange.mock.calls.map(([{ from, to }]) => `${from} ${to}`);
    expect(seen).toEqual([
      "closed open",
      ...["open halfOpen", "halfOpen open", "open halfOpen", "halfOpen open", "open halfOpen", "halfOpen open"],
      "open halfOpen",
      "halfOpen closed",
    ]);
    expect(onChange).toHaveBeenLastCalledWith({ key: null, from: "halfOpen", to: "closed", failure: null });
  });

  it("has a circuit of its own for each key", async () => {
    const { run, step, handle, logger } = setUp({ key: ({ topic }) => topic });
    expect(step.snapshot()).toEqual([]);
    await Promise.all([run("orders"), run("orders"), run("invoices")]);
    expect(await run("orders")).toMatchObject({ kind: "defer" });
    handle.mockResolvedValue(outcome.completed());
    expect(await run("invoices")).toEqual(outcome.completed());
    const failure = { code: "ECONNREFUSED", message: "nobody is there" };
    expect(step.snapshot()).toEqual([
      { key: "orders", state: "open", failuresInRow: 2, failure },
      { key: "invoices", state: "closed", failuresInRow: 0, failure: null },
    ]);
    expect(step.healthReasons()).toEqual(['the circuit breaker of "orders" is open: nobody is there']);
    expect(logger.alarms).toEqual(['the circuit breaker of "orders" has opened: nobody is there']);
  });

  it("names ten open keys in the health, and counts the others", async () => {
    const { run, step } = setUp({ failureThreshold: 1, key: ({ topic }) => topic });
    for (let n = 0; n < 25; n += 1) await run(`${n}`);
    const reasons = step.healthReasons();
    expect([reasons.length, reasons.at(-1)]).toEqual([11, "and so are the circuit breakers of 15 other keys"]);
  });

  it("forgets healthy keys rather than failing ones, and no more are kept than there may be", async () => {
    const { run, step, handle } = setUp({ key: ({ topic }) => topic });
    handle.mockResolvedValue(outcome.completed());
    await run("healthy");
    handle.mockResolvedValue(down());
    for (let n = 0; n < defaults.breakerKeys; n += 1) await run(`failing ${n}`);
    expect(step.snapshot().length).toBe(defaults.breakerKeys);
    expect(step.healthReasons()).toEqual([]);
    expect(step.snapshot().map(({ key }) => key)).not.toContain("healthy");
    await run("one more");
    expect(step.snapshot().length).toBe(defaults.breakerKeys);
  });

  it.each<[string, Outcome]>([
    ["an event that is permanently wrong", outcome.failed(new PermanentError("no such order"))],
    ["a release", outcome.release("stopping")],
    ["the database", outcome.defer(new OmniBoxError("STORE.UNREACHABLE", "gone"))],
    ["a lost lease", outcome.defer(new OmniBoxError("INBOX.LEASE_LOST", "gone"))],
    ["what a handler asks for", outcome.retry(new OmniBoxError("INBOX.HANDLER_RETRY", "too early"))],
    ["a missing handler", outcome.retry(new OmniBoxError("INBOX.NO_HANDLER", "none"))],
    ["another step that defers", outcome.defer(new OmniBoxError("PIPELINE.RATE_LIMITED", "wait"))],
  ])("takes no notice of %s", async (_what, given) => {
    const { run, handle, step } = setUp({ failureThreshold: 1 });
    handle.mockResolvedValue(given);
    await run();
    expect(step.snapshot()).toMatchObject([{ key: null, state: "closed", failuresInRow: 0 }]);
  });

  it("goes by what the application calls a failure, and by its own rule when that throws", async () => {
    const isFailure = vi.fn<(given: Outcome) => boolean>(({ kind }) => kind === "failed");
    const { run, handle, step, logger } = setUp({ failureThreshold: 1, isFailure });
    await run();
    expect(step.snapshot()).toMatchObject([{ state: "closed" }]);
    isFailure.mockImplementation(() => {
      throw new Error("isFailure");
    });
    await run();
    expect(step.snapshot()).toMatchObject([{ state: "open" }]);
    expect(logger.alarms[0]).toBe("isFailure of a circuit breaker throws");
    expect(handle).toHaveBeenCalledTimes(2);
  });

  it("does its work although onChange throws, and says so once", async () => {
    const onChange = () => {
      throw new Error("onChange");
    };
    const { run, logger, clock } = setUp({ onChange });
    await Promise.all([run(), run()]);
    await clock.advance(defaults.breakerHalfOpenMaxMs);
    expect(await run()).toMatchObject({ kind: "defer", failure: { code: "ECONNREFUSED" } });
    expect(await run()).toMatchObject({ kind: "defer", failure: { code: "PIPELINE.CIRCUIT_OPEN" } });
    expect(logger.alarms).toEqual([
      "the circuit breaker has opened: nobody is there",
      "onChange of a circuit breaker throws",
    ]);
  });

  it("refuses options that cannot work, all at once", () => {
    const wrong = { failureThreshold: 0, halfOpenAfterMs: -1, key: "topic", onchange: 1 };
    expect(() => circuitBreaker(wrong as never)).toThrow(
      /circuitBreaker: 4 problems: failureThreshold: .*; halfOpenAfterMs: .*; key: .*; unknown option "onchange"$/,
    );
    expect(() => circuitBreaker({ halfOpenAfterMs: 2, halfOpenMaxMs: 1 })).toThrow(
      /1 problem: halfOpenAfterMs \(2\) must not be longer than halfOpenMaxMs \(1\)$/,
    );
  });
});
