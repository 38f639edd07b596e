import type { FailureClass } from "./error-codes.js";
import { isOmniBoxError } from "./omni-box-error.js";

/** Says what a thrown value means for the event: the class of its code, or `retryable` for an error of unknown origin. */
export function classifyFailure(error: unknown): FailureClass {
  return isOmniBoxError(error) ? error.failureClass : "retryable";
}
