import type { FailureDescription } from "../errors/describe-failure.js";

/** Whether a failure comes from the publisher, and not from a step around it. */
export function isBrokerFailure({ code }: FailureDescription): boolean {
  return code.startsWith("BROKER.");
}
