/** A signal that is never aborted. */
export const silentAbort: AbortSignal = new AbortController().signal;
