/** How a handler says what became of an event. A handler that returns nothing says `completed`. */
export type EventHandlerResult =
  | { readonly status: "completed" }
  /** Nothing had to be done; what the handler has written is kept. */
  | { readonly status: "skipped" | "stale"; readonly reason: string }
  /** Everything it has written is rolled back, and the event comes again. */
  | {
      readonly status: "retry";
      readonly reason: string;
      readonly countAsAttempt: boolean;
      /** Not before this time; `null`: after the retry policy's backoff, or after 1,000 ms when the attempt is not counted. */
      readonly notBefore: Date | null;
    }
  /** Everything it has written is rolled back, and the event fails for good. */
  | { readonly status: "failed"; readonly reason: string };

/** Options of {@link handlerRetry}. */
export interface HandlerRetryOptions {
  /** Not before this time, at most 365 days ahead; default: the retry policy's backoff, or 1,000 ms for attempts that are not counted. */
  readonly notBefore?: Date | undefined;
  /** `false`: the attempt is not counted, for waiting on something that will come; default `true`. */
  readonly countAsAttempt?: boolean | undefined;
}

/** The event has been handled; the same as returning nothing. */
export function handlerCompleted(): EventHandlerResult {
  return { status: "completed" };
}

/** The event needs no work, for a reason of the application. */
export function handlerSkipped(reason: string): EventHandlerResult {
  return { status: "skipped", reason };
}

/** The event is older than what the service knows already. */
export function handlerStale(reason: string): EventHandlerResult {
  return { status: "stale", reason };
}

/** The event cannot be handled now. */
export function handlerRetry(reason: string, options: HandlerRetryOptions = {}): EventHandlerResult {
  const { notBefore = null, countAsAttempt = true } = options;
  return { status: "retry", reason, countAsAttempt, notBefore };
}

/** The event can never be handled; the same as throwing a `PermanentError`. */
export function handlerFailed(reason: string): EventHandlerResult {
  return { status: "failed", reason };
}
