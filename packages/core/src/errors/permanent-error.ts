import { OmniBoxError } from "./omni-box-error.js";

/** Thrown by a handler to say that trying again cannot help: the event fails at once, and its writes are rolled back. */
export class PermanentError extends OmniBoxError {
  /** @param message - is stored and logged: put no payload and no credential into it */
  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super("INBOX.HANDLER_FAILED", message, options);
  }
}
