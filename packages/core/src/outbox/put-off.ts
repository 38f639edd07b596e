import { defaults } from "../defaults.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { Step } from "../pipeline/step.js";
import { isBrokerFailure } from "./is-broker-failure.js";

/**
 * The relay's outermost step, where there are others: what they defer without a time of their own comes again after a pause. What
 * is deferred over the broker waits for the broker.
 */
export const putOff: Step<BaseEvent> = async function putOff(_event, _context, next) {
  const result = await next();
  if (result.kind !== "defer" || typeof result.delayMs === "number" || isBrokerFailure(result.failure)) return result;
  return { ...result, delayMs: defaults.putOffMs };
};
