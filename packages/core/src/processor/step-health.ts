import type { BaseEvent } from "../events/outbox-event.js";
import type { Step } from "../pipeline/step.js";

/** What the steps say is wrong: those with a method `healthReasons` do, such as a circuit breaker that is open. */
export function stepHealth<E extends BaseEvent>(steps: readonly Step<E>[]): readonly string[] {
  return steps.flatMap((step) => {
    const reasons: unknown = Reflect.get(step, "healthReasons");
    if (typeof reasons !== "function") return [];
    try {
      return reasons() as readonly string[];
    } catch {
      // The application's own step; its bug is not the worker's state.
      return [];
    }
  });
}
