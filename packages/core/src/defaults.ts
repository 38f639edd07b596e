/** Sizes that an event must not exceed. Lengths are in UTF-16 code units unless the name says otherwise. */
export const limits = Object.freeze({
  eventTypeMaxLength: 100,
  /** In UTF-8: AMQP carries the type and the topic in strings of at most 255 bytes. */
  eventTypeMaxBytes: 255,
  topicMaxLength: 255,
  topicMaxBytes: 255,
  aggregateTypeMaxLength: 50,
  aggregateIdMaxLength: 255,
  partitionKeyMaxLength: 255,
  schemaVersionMaxLength: 50,
  /** Applies to the trace, correlation and causation ids. */
  contextIdMaxLength: 64,
  idempotencyKeyMaxLength: 128,
  headersMaxCount: 100,
  headerKeyMaxLength: 64,
  headerValueMaxLength: 512,
  /** Names and values together, in UTF-8: well below the 64 KiB that RabbitMQ takes a message's header in. */
  headersMaxBytes: 32_768,
  /** The payload as JSON text in UTF-8. `createOutbox({ payloadMaxBytes })` changes it. */
  payloadMaxBytes: 1_048_576,
  /** How deep objects and arrays may nest in a payload. */
  payloadMaxDepth: 100,
  lastErrorMaxBytes: 2_000,
  /** How far in the future `scheduledAt` may lie. */
  scheduledAtMaxDaysAhead: 365,
  maxAttemptsMax: 1_000,
  /** Longest backoff that a retry policy or a handler may ask for: 365 days. */
  retryDelayMaxMs: 31_536_000_000,
  /** Events in one call of `add`. */
  addMaxEvents: 10_000,
  batchSizeMax: 10_000,
  workerIdMaxLength: 255,
});

/** Every default of omni-box, once, with its unit. */
export const defaults = Object.freeze({
  /** `add` is refused outside a transaction. */
  strict: true,
  /** Counted failures after which an event becomes `failed`. */
  maxAttempts: 10,
  /** Buckets that partition keys are hashed into. Recorded in the database when the tables are created. */
  bucketCount: 64,

  /** How long a claim keeps its rows from other workers. Also the longest recovery after a worker was killed. */
  leaseMs: 30_000,
  /** How long one event may take from `publish()` to the broker's confirm. */
  publishTimeoutMs: 10_000,
  /** Events per claim. */
  batchSize: 500,
  /** Batches that may be in work at once: one being published, one claimed behind it. */
  batchesInFlight: 2,

  /** Shortest and longest pause of the relay between two polls that found nothing. */
  pollMinMs: 10,
  pollMaxMs: 1_000,
  /** How long `stop()` waits for work in flight. */
  stopTimeoutMs: 15_000,
  /** How much longer `stop()` waits for outcomes that are being recorded when that time is over. */
  stopRecordMs: 5_000,
  /** A relay whose loop has not completed a turn for this long reports itself unhealthy. */
  stallAfterMs: 60_000,

  /** Backoff of one event after a counted failure: full jitter below `min(retryMaxMs, retryBaseMs * 2 ** (attempt - 1))`. */
  retryBaseMs: 1_000,
  retryMaxMs: 300_000,
  /** Backoff of the whole relay while the broker or the database is unreachable, full jitter likewise. */
  outageBaseMs: 200,
  outageMaxMs: 10_000,
});
