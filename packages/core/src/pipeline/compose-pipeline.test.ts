import { describe, expect, it } from "vitest";
import { sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { silentAbort } from "../internal/silent-abort.js";
import { systemClock } from "../protocols/clock.js";
import { silentLogger } from "../protocols/logger.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { composePipeline } from "./compose-pipeline.js";
import { type Outcome, outcome } from "./outcome.js";
import type { EventHandler, Step, StepContext } from "./step.js";

const context: StepContext = {
  workerId: "w",
  clock: systemClock,
  logger: silentLogger,
  signal: silentAbort,
  fence: { kind: "lease", token: "t" },
  leaseRemainingMs: () => 1_000,
  isGivenUp: () => false,
  leaseLost: () => silentAbort,
};

const [event] = (await storeEvents(createMemoryOutboxRepository(), sampleDrafts(1))) as [OutboxEvent];

function handlerThat(handle: EventHandler<OutboxEvent>["handle"]): EventHandler<OutboxEvent> {
  return { name: "theHandler", requiredLeaseMs: 1, handle };
}

const completing = handlerThat(async () => outcome.completed());

function run(steps: readonly Step<OutboxEvent>[], handler = completing): Promise<Outcome> {
  return composePipeline(steps, handler)(event, context);
}

const rejectionOf = (kind: Outcome["kind"], code: string) => ({ kind, failure: { code } });

describe("a pipeline", () => {
  it("runs the steps from the outermost to the handler and back", async () => {
    const trace: string[] = [];
    const tracing = (name: string): Step<OutboxEvent> => {
      return async (_event, _context, next) => {
        trace.push(`${name} before`);
        const result = await next();
        trace.push(`${name} after`);
        return result;
      };
    };
    const handler = handlerThat(async () => {
      trace.push("handler");
      return outcome.completed("done");
    });
    expect(await run([tracing("first"), tracing("second")], handler)).toEqual({ kind: "completed", reason: "done" });
    expect(trace).toEqual(["first before", "second before", "handler", "second after", "first after"]);
  });

  it("hands the event and the context to every step and to the handler", async () => {
    const seen: unknown[] = [];
    const step: Step<OutboxEvent> = (...args) => {
      seen.push(args.slice(0, 2));
      return args[2]();
    };
    const handler = handlerThat(async (...args) => {
      seen.push(args);
      return outcome.completed();
    });
    await run([step, step], handler);
    expect(seen).toEqual([
      [event, context],
      [event, context],
      [event, context],
    ]);
    expect(seen[0]).toSatisfy((args: unknown[]) => args[0] === event);
  });

  it("lets a step answer in place of what lies behind it, or change the answer", async () => {
    let handled = 0;
    const handler = handlerThat(async () => {
      handled += 1;
      return outcome.completed();
    });
    expect(await run([async () => outcome.release("not now")], handler)).toMatchObject({ kind: "release" });
    expect(handled).toBe(0);
    const changing: Step<OutboxEvent> = async (_event, _context, next) => {
      await next();
      return outcome.retry("changed");
    };
    expect(await run([changing], handler)).toMatchObject({ kind: "retry" });
    expect(handled).toBe(1);
  });

  it.each([
    ["transient", "BROKER.UNREACHABLE", "defer"],
    ["retryable", "BROKER.NACKED", "retry"],
    ["permanent", "BROKER.UNROUTABLE", "failed"],
  ] as const)("turns a %s error of the handler into an outcome that steps can see", async (_class, code, kind) => {
    let seen: Outcome | undefined;
    const step: Step<OutboxEvent> = async (_event, _context, next) => {
      seen = await next();
      return seen;
    };
    const failing = handlerThat(async () => {
      throw new OmniBoxError(code, "x");
    });
    expect(await run([step], failing)).toMatchObject(rejectionOf(kind, code));
    expect(seen).toMatchObject(rejectionOf(kind, code));
  });

  it("turns what a step throws into an outcome, also when it throws before its first await", async () => {
    const throwing: Step<OutboxEvent> = () => {
      throw new RangeError("at once");
    };
    expect(await run([throwing])).toMatchObject(rejectionOf("retry", "RangeError"));
    const throwingLate: Step<OutboxEvent> = async (_event, _context, next) => {
      await next();
      throw new RangeError("late");
    };
    expect(await run([throwingLate])).toMatchObject(rejectionOf("retry", "RangeError"));
  });

  it("releases an event that the publisher was not permitted to write", async () => {
    const refused = handlerThat(async () => {
      throw new OmniBoxError("BROKER.NOT_PERMITTED", "the lease is too short");
    });
    expect(await run([], refused)).toEqual({
      kind: "release",
      reason: "BROKER.NOT_PERMITTED: the lease is too short",
    });
  });

  it("answers with an outcome even to a thrown value that cannot be looked at", async () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const hostile = handlerThat(() => Promise.reject(proxy));
    expect(await run([], hostile)).toMatchObject(rejectionOf("retry", "UNKNOWN"));
  });

  it("refuses a second next(), and does the work once", async () => {
    let handled = 0;
    const handler = handlerThat(async () => {
      handled += 1;
      return outcome.completed();
    });
    const twice: Step<OutboxEvent> = async function retrying(_event, _context, next) {
      await next();
      return next();
    };
    expect(await run([twice], handler)).toEqual({
      kind: "failed",
      failure: {
        code: "PIPELINE.INVALID_STEP",
        message: "PIPELINE.INVALID_STEP: step retrying called next() twice: the work would be done twice",
      },
    });
    expect(handled).toBe(1);
  });

  it("hands the context that a step gives to next() on to what is inside of it, and to nothing else", async () => {
    const lost = AbortSignal.abort();
    const seen: Record<string, StepContext> = {};
    const noting = (name: string): Step<OutboxEvent> => {
      return (_event, given, next) => {
        seen[name] = given;
        return name === "changing" ? next({ ...given, leaseLost: () => lost }) : next();
      };
    };
    const handler = handlerThat(async (_event, given) => {
      seen.handler = given;
      return outcome.completed();
    });
    await run([noting("outside"), noting("changing"), noting("inside")], handler);
    expect([seen.outside, seen.changing]).toEqual([context, context]);
    expect([seen.inside?.leaseLost(event), seen.handler?.leaseLost(event)]).toEqual([lost, lost]);
    expect(seen.handler?.workerId).toBe("w");
  });

  it("keeps its context when next() is given something that is none, as by a promise", async () => {
    const step: Step<OutboxEvent> = (_event, _context, next) => Promise.resolve("ready" as never).then(next);
    let seen: StepContext | null = null;
    const handler = handlerThat(async (_event, given) => {
      seen = given;
      return outcome.completed();
    });
    expect(await run([step], handler)).toEqual(outcome.completed());
    expect(seen).toBe(context);
  });

  it("lets one pipeline work on many events, each with a next() of its own", async () => {
    const pipeline = composePipeline<OutboxEvent>([(_event, _context, next) => next()], completing);
    const results = await Promise.all([pipeline(event, context), pipeline(event, context)]);
    expect(results).toMatchObject([{ kind: "completed" }, { kind: "completed" }]);
  });

  it.each([
    undefined,
    null,
    true,
    "completed",
    {},
    { kind: "done" },
    { kind: "retry" },
    { kind: "failed", failure: "text" },
    { kind: "defer", failure: { code: "X" } },
    { kind: "retry", failure: { code: "X", message: "x" }, delayMs: "soon" },
  ])("refuses %j as an answer, since it is no outcome", async (answer) => {
    const step = async function answering() {
      return answer as Outcome;
    };
    expect(await run([step])).toMatchObject({
      kind: "failed",
      failure: {
        code: "PIPELINE.INVALID_STEP",
        message: expect.stringContaining("step answering must return an outcome"),
      },
    });
    expect(
      await run(
        [],
        handlerThat(async () => answer as Outcome),
      ),
    ).toMatchObject({
      failure: { message: expect.stringContaining("theHandler must return an outcome") },
    });
  });

  it("speaks of a step without a name as such", async () => {
    expect(await run([async () => undefined as never])).toMatchObject({
      failure: { message: expect.stringContaining("a step must return an outcome") },
    });
  });
});
