import { kindOf } from "../errors/kind-of.js";
import { OmniBoxError } from "../errors/omni-box-error.js";

/**
 * Refuses what cannot be taken apart into an event's fields.
 *
 * @param call - the function that was called, for the message
 * @param usage - the call as it should have been
 * @throws {OmniBoxError} MESSAGE.INVALID_EVENT that says what was given instead, without showing it.
 */
export function assertEventInput(call: string, usage: string, given: unknown): void {
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return;
  throw new OmniBoxError(
    "MESSAGE.INVALID_EVENT",
    `${call} takes an object, it was given ${kindOf(given)}: call ${usage}`,
  );
}
