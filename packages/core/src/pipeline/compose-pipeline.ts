import { OmniBoxError } from "../errors/omni-box-error.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { type Outcome, outcome } from "./outcome.js";
import type { EventHandler, Step, StepContext } from "./step.js";

/** Runs one event through all steps and the handler. Never rejects. */
export type Pipeline<E extends BaseEvent> = (event: E, context: StepContext) => Promise<Outcome>;

/** Puts the steps around the handler, the first one outermost; every layer answers with an outcome, whatever it throws. */
export function composePipeline<E extends BaseEvent>(steps: readonly Step<E>[], handler: EventHandler<E>): Pipeline<E> {
  const asOutcome = (given: unknown) => outcomeOf(handler.name, given);
  // Without a function or an async frame of its own for each event.
  const innermost: Pipeline<E> = (event, context) => {
    try {
      return Promise.resolve<unknown>(handler.handle(event, context)).then(asOutcome, outcome.ofError);
    } catch (error) {
      return Promise.resolve(outcome.ofError(error));
    }
  };
  return steps.reduceRight<Pipeline<E>>((inner, step) => {
    const name = step.name === "" ? "a step" : `step ${step.name}`;
    return (event, context) => {
      const next = callableOnce(name, (changed) => inner(event, isContext(changed) ? changed : context));
      return guarded(name, () => step(event, context, next));
    };
  }, innermost);
}

async function guarded(name: string, run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return outcomeOf(name, await run());
  } catch (error) {
    return outcome.ofError(error);
  }
}

function outcomeOf(name: string, given: unknown): Outcome {
  if (isOutcome(given)) return given;
  const message = `${name} must return an outcome: outcome.completed(), await next(), …`;
  return outcome.ofError(new OmniBoxError("PIPELINE.INVALID_STEP", message));
}

type Next = (context?: StepContext) => Promise<Outcome>;

function callableOnce(name: string, run: Next): Next {
  let called = false;
  return (context) => {
    if (called)
      throw new OmniBoxError("PIPELINE.INVALID_STEP", `${name} called next() twice: the work would be done twice`);
    called = true;
    return run(context);
  };
}

/** A step without types may pass `next` to a promise, which gives it whatever that resolves to. */
function isContext(value: StepContext | undefined): value is StepContext {
  return typeof value === "object" && value !== null && typeof value.leaseLost === "function";
}

/** Steps may be written without types, and may make outcomes by hand. */
function isOutcome(value: unknown): value is Outcome {
  if (typeof value !== "object" || value === null) return false;
  const { kind, failure, delayMs } = value as Partial<Record<"kind" | "failure" | "delayMs", unknown>>;
  if (kind === "completed" || kind === "release") return true;
  if (kind !== "retry" && kind !== "defer" && kind !== "failed") return false;
  return isFailureDescription(failure) && (delayMs === undefined || delayMs === null || typeof delayMs === "number");
}

function isFailureDescription(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return typeof Reflect.get(value, "code") === "string" && typeof Reflect.get(value, "message") === "string";
}
