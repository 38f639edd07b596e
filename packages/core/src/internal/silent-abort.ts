import { setMaxListeners } from "node:events";

/** A signal that is never aborted. */
export const silentAbort: AbortSignal = new AbortController().signal;

// All who wait without a signal of their own listen to it; Node.js would take more than ten listeners for a leak.
setMaxListeners(0, silentAbort);
