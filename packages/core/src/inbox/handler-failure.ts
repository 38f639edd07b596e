import { type Outcome, outcome } from "../pipeline/outcome.js";

/**
 * What an error that a handler threw means for its event.
 *
 * As its class says, with one exception: a permanent code of the store or the configuration (an outbox without a grant) says
 * nothing about the event, and is often mended by people. It is a retry, so that it costs an attempt and not the event.
 */
export function failureOfHandler(error: unknown): Outcome {
  const given = outcome.ofError(error);
  if (given.kind !== "failed" || !/^(?:STORE|CONFIG)\./.test(given.failure.code)) return given;
  return outcome.retry(error);
}
