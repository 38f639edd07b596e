import type { FailedAttempt } from "../src/resilience/retry-policy.js";
import { sampleInboxEvent } from "./sample-inbox-event.js";

/** A counted failure of an event of that type. */
export function failedAttempt({ type = "order.placed", code = "Error" } = {}): FailedAttempt {
  return { event: sampleInboxEvent({ type }), failure: { code, message: "it did not work" } };
}
