import { describe, expect, it, vi } from "vitest";
import { sampleInboxEvent } from "../../test/sample-inbox-event.js";
import { pipelineOf, stepContext } from "../../test/step-context.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { StepContext } from "../pipeline/step.js";
import { type FallbackHandler, type FallbackOptions, fallback } from "./fallback.js";

const broken = outcome.failed(Object.assign(new Error("it did not work"), { code: "BROKEN" }));

function setUp(options: FallbackOptions = {}, changes: Partial<StepContext> = {}, given: Outcome = broken) {
  const { clock, logger, context } = stepContext({ isGivenUp: (_event, { kind }) => kind === "failed", ...changes });
  const handler = vi.fn<FallbackHandler<InboxEvent>>(async () => undefined);
  const pipeline = pipelineOf(fallback(handler, options), async () => given);
  const event = sampleInboxEvent();
  return { clock, logger, handler, event, run: () => pipeline(event, context) };
}

describe("fallback", () => {
  it("completes an event that would be given up, and says after what", async () => {
    const { run, handler, event } = setUp();
    expect(await run()).toEqual(outcome.completed("fallback after BROKEN"));
    const { failure } = broken as Extract<Outcome, { kind: "failed" }>;
    expect(handler).toHaveBeenCalledExactlyOnceWith(event, expect.objectContaining({ failure }));
  });

  it("is there for a retry that is the last one, and for no other", async () => {
    const retry = outcome.retry(new Error("again"));
    const last = setUp({}, { isGivenUp: () => true }, retry);
    expect(await last.run()).toEqual(outcome.completed("fallback after Error"));
    const first = setUp({}, {}, retry);
    expect(await first.run()).toEqual(retry);
    expect(first.handler).not.toHaveBeenCalled();
  });

  it.each([outcome.completed(), outcome.defer("x"), outcome.release("x")])(
    "leaves an outcome $kind alone",
    async (given) => {
      const { run, handler } = setUp({}, {}, given);
      expect(await run()).toBe(given);
      expect(handler).not.toHaveBeenCalled();
    },
  );

  it.each<[string, FallbackHandler<InboxEvent>]>([
    ["rejects", () => Promise.reject(new TypeError("no"))],
    [
      "throws at once",
      () => {
        throw new TypeError("no");
      },
    ],
  ])("lets the event fail as it would have when the handler %s", async (_how, implementation) => {
    const { run, handler, logger } = setUp();
    handler.mockImplementation(implementation);
    expect(await run()).toBe(broken);
    expect(logger.lines).toMatchObject([{ level: "error", fields: { code: "TypeError", message: "no" } }]);
  });

  it("defers the event over a transient error of the handler, so that it is not lost to an outage", async () => {
    const { run, handler } = setUp();
    handler.mockRejectedValue(new OmniBoxError("STORE.UNREACHABLE", "gone"));
    expect(await run()).toMatchObject({ kind: "defer", failure: { code: "STORE.UNREACHABLE" } });
  });

  it("gives a handler up that takes too long, and aborts its signal", async () => {
    const { run, handler, clock, logger } = setUp({ timeoutMs: 500 });
    let signal: AbortSignal | undefined;
    handler.mockImplementation((_event, context) => {
      signal = context.signal;
      return new Promise(() => undefined);
    });
    const running = run();
    await clock.advance(499);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(await running).toBe(broken);
    expect(signal?.aborted).toBe(true);
    expect(logger.lines).toMatchObject([{ fields: { code: "PIPELINE.FALLBACK_TIMEOUT" } }]);
  });

  it("aborts the handler's signal when the event is lost, and does not begin for one that is", async () => {
    const lost = new AbortController();
    const { run, handler } = setUp({}, { leaseLost: () => lost.signal });
    handler.mockImplementation(
      (_event, { signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve())),
    );
    const running = run();
    await vi.waitFor(() => expect(handler).toHaveBeenCalled());
    lost.abort();
    await running;
    expect(await run()).toBe(broken);
    expect(handler).toHaveBeenCalledTimes(1);
  });

  it("refuses what is no handler", () => {
    expect(() => fallback(5 as never, { timeoutMs: 0 })).toThrow(/fallback: 2 problems: handler: .*; timeoutMs: /);
  });
});
