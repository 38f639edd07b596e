import { kindOfError } from "../errors/kind-of-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { Clock } from "../protocols/clock.js";
import type { Logger } from "../protocols/logger.js";

/** Told of each handler that threw. */
export type HandlerFailureLog = (handlerName: string, event: InboxEvent, error: unknown) => void;

/** Of each handler a line so often at most: one that always fails must not write a line for each of a million messages. */
const lineEveryMs = 10_000;
const maxFrames = 8;

/**
 * Writes a warning that says where a handler threw, so that it need not fail for good before anybody knows. Without the error's
 * words, which may show data: those that can be kept are kept with the event.
 */
export function createHandlerFailureLog(logger: Logger, clock: Clock): HandlerFailureLog {
  const lastLineAt = new Map<string, number>();
  return (handlerName, { messageId, type, consumerGroup, attemptsMade }, error) => {
    const now = clock.monotonicMs();
    if (now - (lastLineAt.get(handlerName) ?? Number.NEGATIVE_INFINITY) < lineEveryMs) return;
    lastLineAt.set(handlerName, now);
    const about = { messageId, eventType: type, consumerGroup, attempt: attemptsMade + 1 };
    logger.warn({ ...about, at: framesOf(error) }, `${handlerName} threw ${kindOfError(error)}`);
  };
}

/** The lines of a stack that name places; those before them are the error's words. */
function framesOf(error: unknown): readonly string[] {
  try {
    const stack: unknown = error instanceof Error ? error.stack : undefined;
    if (typeof stack !== "string") return [];
    const frames = stack.split("\n").filter((line) => /^ +at /.test(line));
    return frames.slice(0, maxFrames).map((line) => line.trim());
  } catch {
    // A getter that throws: there is nothing to show.
    return [];
  }
}
