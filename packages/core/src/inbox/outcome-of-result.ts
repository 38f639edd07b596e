import { defaults, limits } from "../defaults.js";
import { kindOf } from "../errors/kind-of.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { PermanentError } from "../errors/permanent-error.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { EventHandlerResult } from "../routing/handler-result.js";

/**
 * What a handler's result means for its event. `nowMs` is the time that `notBefore` is measured from.
 *
 * @throws {OmniBoxError} INBOX.HANDLER_RETRY when it is none: handlers may be written without types.
 */
export function outcomeOfResult(result: EventHandlerResult, handlerName: string, nowMs: number): Outcome {
  assertResult(result, handlerName);
  switch (result.status) {
    case "completed":
      return outcome.completed();
    case "skipped":
    case "stale":
      return outcome.completed(`${result.status}: ${result.reason}`);
    case "failed":
      return outcome.failed(new PermanentError(result.reason));
    case "retry": {
      const error = new OmniBoxError("INBOX.HANDLER_RETRY", result.reason);
      const delayMs = result.notBefore === null ? null : delayUntil(result.notBefore, nowMs);
      if (result.countAsAttempt) return outcome.retry(error, delayMs);
      // Without a delay of its own it would come again at once, and again.
      return outcome.defer(error, delayMs ?? defaults.retryBaseMs);
    }
  }
}

function delayUntil(time: Date, nowMs: number): number {
  return Math.min(Math.max(0, time.getTime() - nowMs), limits.retryDelayMaxMs);
}

function assertResult(result: unknown, handlerName: string): asserts result is EventHandlerResult {
  const problem = problemOf(result);
  if (problem === null) return;
  throw new OmniBoxError(
    "INBOX.HANDLER_RETRY",
    `${handlerName} ${problem}. A handler returns nothing, or what handlerSkipped, handlerStale, handlerRetry or handlerFailed made`,
    { meta: { handlerName } },
  );
}

function problemOf(result: unknown): string | null {
  if (typeof result !== "object" || result === null) return `returned ${kindOf(result)}`;
  const field = (name: keyof Extract<EventHandlerResult, { status: "retry" }>): unknown => Reflect.get(result, name);
  switch (field("status")) {
    case "completed":
      return null;
    case "skipped":
    case "stale":
    case "failed":
      return typeof field("reason") === "string" ? null : "returned a result whose reason is no text";
    case "retry": {
      const notBefore = field("notBefore");
      if (typeof field("reason") !== "string") return "returned a result whose reason is no text";
      if (typeof field("countAsAttempt") !== "boolean")
        return "returned a retry whose countAsAttempt is not true or false";
      if (notBefore === null || (notBefore instanceof Date && !Number.isNaN(notBefore.getTime()))) return null;
      return "returned a retry whose notBefore is no valid Date";
    }
    default:
      return `returned ${kindOf(result)} that is no result`;
  }
}
