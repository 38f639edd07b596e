/**
 * What a failure means for the event that was being worked on.
 *
 * - `transient`: nothing is wrong with the event (an outage, a time-out, flow control); no attempt is spent.
 * - `retryable`: this attempt failed; it is counted and tried again with backoff.
 * - `permanent`: trying again cannot help; the event becomes `failed`.
 */
export type FailureClass = "transient" | "retryable" | "permanent";

/**
 * Every error code of omni-box, with its failure class.
 *
 * `docs/error-reference.md` explains each one; the test command checks that the two lists agree.
 */
export const errorCodes = {
  "CONFIG.INVALID_OPTIONS": "permanent",
  "CONFIG.STORE_NOT_READY": "permanent",
  "CONFIG.TOPOLOGY_MISMATCH": "permanent",
  "CONFIG.TRANSACTION_REQUIRED": "permanent",
  "CONFIG.UNSUPPORTED_CAPABILITY": "permanent",

  "MESSAGE.INVALID_EVENT": "permanent",
  "MESSAGE.INVALID_PAYLOAD": "permanent",
  "MESSAGE.MIGRATION_FAILED": "permanent",
  "MESSAGE.SCHEMA_MISMATCH": "permanent",
  "MESSAGE.UNDECODABLE": "permanent",

  "INBOX.CRASHED": "permanent",
  "INBOX.HANDLER_FAILED": "permanent",
  "INBOX.HANDLER_RETRY": "retryable",
  "INBOX.HANDLER_TIMEOUT": "retryable",
  "INBOX.LEASE_LOST": "transient",
  "INBOX.NO_HANDLER": "retryable",
  "INBOX.STATEMENT_FAILED": "retryable",
  "INBOX.TRANSACTION_ABORTED": "retryable",

  "OUTBOX.CRASHED": "permanent",
  "OUTBOX.TRANSITION_REFUSED": "permanent",

  "LOCK.HELD_BY_ANOTHER": "transient",
  "LOCK.LOST": "transient",
  "LOCK.UNAVAILABLE": "transient",

  "STORE.ACCESS_DENIED": "permanent",
  "STORE.ALREADY_LOCKED": "retryable",
  "STORE.CONCURRENT_UPDATE": "retryable",
  "STORE.CONFLICT": "transient",
  "STORE.DATA_ERROR": "permanent",
  "STORE.INVALID_STATE": "permanent",
  "STORE.LOCKED_BY_ANOTHER": "retryable",
  "STORE.NOT_FOUND": "permanent",
  "STORE.NOT_LOCKED": "retryable",
  "STORE.SCHEMA_MISSING": "permanent",
  "STORE.TIMEOUT": "transient",
  "STORE.TRANSACTION_FAILED": "permanent",
  "STORE.UNREACHABLE": "transient",

  "BROKER.BLOCKED": "transient",
  "BROKER.CONNECTION_LOST": "transient",
  "BROKER.MESSAGE_REFUSED": "retryable",
  "BROKER.NACKED": "retryable",
  "BROKER.NOT_PERMITTED": "transient",
  "BROKER.PUBLISH_TIMEOUT": "transient",
  "BROKER.STOPPED": "transient",
  "BROKER.UNREACHABLE": "transient",
  "BROKER.UNROUTABLE": "permanent",

  "PIPELINE.CIRCUIT_OPEN": "transient",
  "PIPELINE.FALLBACK_TIMEOUT": "retryable",
  "PIPELINE.INVALID_STEP": "permanent",
  "PIPELINE.RATE_LIMITED": "transient",
} as const satisfies Record<string, FailureClass>;

/** The stable, documented name of one kind of failure, as `NAMESPACE.SUBCODE`. */
export type ErrorCode = keyof typeof errorCodes;
