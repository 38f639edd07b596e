import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { functionOption, milliseconds, validateOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { Step } from "../pipeline/step.js";
import { createRecentKeys } from "./recent-keys.js";
import { settledOrAborted } from "./settled-or-aborted.js";

/** Options of {@link deduplicateSiblings}. */
export interface DeduplicateSiblingsOptions<E extends BaseEvent> {
  /** Events with the same key are siblings: doing one is as good as doing all. `null`: the event has none. */
  readonly siblingKey: (event: E) => string | null;
  /** How long a completed event stands for its later siblings; default 5,000 ms. 0: only for those that were waiting for it. */
  readonly windowMs?: number | undefined;
  /** Completed keys that are remembered, the latest ones; default 10,000, at most 1,000,000. */
  readonly maxKeys?: number | undefined;
}

const siblingOptions = z.strictObject({
  siblingKey: functionOption<(event: never) => string | null>("(event) => string | null"),
  windowMs: milliseconds(0).default(defaults.siblingWindowMs),
  maxKeys: z.int().min(1).max(limits.siblingKeysMax).default(defaults.siblingKeys),
});

/**
 * A step that does only one of several events that ask for the same work, such as twenty "recalculate order 7".
 *
 * An event waits while a sibling is at work in this process. Once that one has completed it is completed too, as skipped; if
 * that one does not complete, the next sibling is worked on. Events that come within `windowMs` after it are skipped likewise.
 *
 * This saves work and guarantees nothing: other processes know nothing of it, nor does this one after a restart. Use it where
 * doing all siblings would be right as well, only slower, and where one that came first can stand for those that came later.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function deduplicateSiblings<E extends BaseEvent>(options: DeduplicateSiblingsOptions<E>): Step<E> {
  const { windowMs, maxKeys } = validateOptions("deduplicateSiblings", siblingOptions, options);
  const { siblingKey } = options;
  const completed = createRecentKeys(windowMs, maxKeys);
  const atWork = new Map<string, Promise<Outcome>>();

  async function workOn(key: string, nowMs: () => number, next: () => Promise<Outcome>): Promise<Outcome> {
    const working = next();
    atWork.set(key, working);
    try {
      const result = await working;
      if (result.kind === "completed") completed.add(key, nowMs());
      return result;
    } finally {
      atWork.delete(key);
    }
  }

  return async function deduplicateSiblings(event, context, next) {
    const { clock, signal } = context;
    const key = siblingKey(event);
    if (key === null) return next();
    const nowMs = () => clock.monotonicMs();
    for (let ahead = atWork.get(key); ahead !== undefined; ahead = atWork.get(key)) {
      const result = await settledOrAborted(ahead, signal, context.leaseLost(event));
      if (result === "aborted")
        return outcome.release("a sibling is at work, and the worker is stopping or lost the event");
      if (result.kind === "completed") return skipped();
    }
    return completed.has(key, nowMs()) ? skipped() : workOn(key, nowMs, next);
  };
}

function skipped(): Outcome {
  return outcome.completed("skipped: a sibling was completed");
}
