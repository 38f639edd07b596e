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
  /** Of received messages; ours are UUIDs. */
  messageIdMaxLength: 255,
  consumerGroupMaxLength: 255,
  /** The queue, stream or subscription that a message comes from. */
  sourceMaxLength: 255,
  /** The attribute `source` of CloudEvents. */
  cloudEventsSourceMaxLength: 255,
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
  /** Completed keys that `deduplicateSiblings` can remember. */
  siblingKeysMax: 1_000_000,
  /** Entries of an event's history: the last ones are kept. */
  historyMaxEntries: 20,
  /** The note of one of them, in characters. */
  historyNoteMaxLength: 300,
  /** Events in one page of a list; events that one change, one removal or one look for dead letters is about; keys in one list of them. */
  listMax: 1_000,
  changeMaxEvents: 10_000,
  takeDeadLettersMax: 1_000,
  blockedKeysMax: 1_000,
  /** The age of what is old, in milliseconds: 100 years. */
  ageMaxMs: 3_153_600_000_000,
  /** How far the counts of statistics may go. */
  countLimitMax: 10_000_000,
  /** The pending events of a bucket that are looked at to count those behind a failed one. */
  waitingLookMax: 10_000,
  /** The pending events that are looked at for leases that have run out, those first that have been due longest. */
  expiredLeaseLookMax: 100_000,
  lockKeyMaxLength: 255,
  /** A shorter lock would be lost over any hiccup of the machine or the network. */
  lockTtlMinMs: 100,
});

/** Every default of omni-box, once, with its unit. */
export const defaults = Object.freeze({
  /** `add` is refused outside a transaction. */
  strict: true,
  /** Counted failures after which an event becomes `failed`. */
  maxAttempts: 10,
  /** The schema version of received messages that name none. */
  foreignSchemaVersion: "1",
  /** Buckets that partition keys are hashed into. Recorded in the database when the tables are created. */
  bucketCount: 64,

  /** How long a claim keeps its rows from other workers. Also the longest recovery after a worker was killed. */
  leaseMs: 30_000,
  /** How long one event may take from `publish()` to the broker's confirm. */
  publishTimeoutMs: 10_000,
  /** Events per claim. */
  batchSize: 1_000,
  /** Batches that may be in work at once: one being published, one claimed behind it. */
  batchesInFlight: 2,

  /** Shortest and longest pause of the relay between two polls that found nothing. */
  pollMinMs: 10,
  pollMaxMs: 1_000,
  /** Longest pause of a worker whose steps put off nearly all that it reads. */
  trickleMs: 100,
  /** How long `stop()` waits for work in flight. */
  stopTimeoutMs: 15_000,
  /** How much longer `stop()` waits for outcomes that are being recorded when that time is over. */
  stopRecordMs: 5_000,
  /** A relay whose loop has not completed a turn for this long reports itself unhealthy. */
  stallAfterMs: 60_000,

  /** How long a bucket's lease must have been over before it is taken from an owner that did not give it up. */
  takeoverGraceMs: 0,
  /** How long a worker that ends tries to give up buckets whose rows are locked, and how often. */
  releasePatienceMs: 3_000,
  releaseEveryMs: 200,
  /** How long reading goes back to where an open transaction may have added events; afterwards it goes on, and goes back once when that has ended. */
  openWriterPatienceMs: 1_000,
  /** How often everything is read from the beginning: this, or so many times as long as that takes. */
  wholeEveryMs: 1_000,
  wholeCostFactor: 20,
  /** At the latest, while there is more than can be read in that time; doubled each time. */
  wholeAtLatestMs: 60_000,
  /** How long one statement may take that reads buckets from their beginning; when it takes longer the next one begins with fewer. */
  wholeReadMs: 250,
  /** How often scheduled events are looked for. */
  scheduledEveryMs: 200,
  /** How many schedules are ended at once: each held bucket is searched for so many. */
  schedulesPerCall: 100,
  /** Reads in a row whose events all have to wait, before the worker turns to other things. */
  readsInVainMax: 20,
  /** Keys whose heads are looked at in one statement. */
  headsPerCheck: 1_000,
  /** Waiting keys that a read leaves out; the events of others are dropped after they were read. */
  exceptKeysMax: 1_000,
  /** Single events of waiting keys that a read leaves out besides: those that it would meet again because a transaction is open. */
  exceptPassedOverMax: 10_000,
  /** Events of one bucket in hand, at least; four shares of a batch if that is more. */
  heldOfBucketMin: 200,

  /** Backoff of one event after a counted failure: full jitter below `min(retryMaxMs, retryBaseMs * 2 ** (attempt - 1))`. */
  retryBaseMs: 1_000,
  retryMaxMs: 300_000,
  /** How old an event must be to be given up. */
  retryMinAgeMs: 0,
  /** Backoff of the whole relay while the broker or the database is unreachable, full jitter likewise. */
  outageBaseMs: 200,
  outageMaxMs: 10_000,

  /** How long a handler, or a micro-batch of them, may take. */
  handlerTimeoutMs: 30_000,

  /** How much longer than its handlers a transaction may take: for our statements and the commit. */
  transactionMarginMs: 2_000,
  /** Backoff after a collision with another transaction, full jitter likewise; and how often a message is tried again after one. */
  conflictBaseMs: 50,
  conflictMaxMs: 10_000,
  conflictMaxRetries: 3,
  /** Transactions that an inbox consumer has open at once. */
  consumerConcurrency: 10,
  /** Messages that are stored by one insert. */
  storeBatchSize: 500,
  /** Stored events that an inbox processor claims at once, and handlers that it runs at once. */
  processorBatchSize: 50,
  processorConcurrency: 10,
  /** Starts of a suspect, alone and without an outcome, after which it is failed: it kills its process. */
  loneStartsMax: 3,
  /** Lost connections of one event in a row that cost it no attempt. */
  lostConnectionsFree: 3,
  /** Events whose lost connections are counted, at most. */
  lostConnectionsRemembered: 1_000,
  /** A message that is in hand for longer than three handlers may take, and this, degrades the health: its longest backoff there. */
  inHandMarginMs: 300_000,
  /** Larger messages are stored as failed. */
  messageMaxBytes: 1_048_576,
  /** A message that was delivered more often than this before is handled alone: it may kill its process. */
  suspectAfterRedeliveries: 2,

  /** Dead letters that are taken at once, the longest pause between two looks for them, and the backoff of a letter that was refused. */
  deadLetterBatchSize: 100,
  deadLetterPollMaxMs: 5_000,
  deadLetterRetryBaseMs: 10_000,
  deadLetterRetryMaxMs: 3_600_000,

  /** How often maintenance is done, how much of that is left to chance, and how soon the first time is at the latest. */
  maintenanceEveryMs: 60_000,
  maintenanceJitter: 0.1,
  maintenanceFirstMs: 10_000,
  /** Rows that one statement of it changes, and the pause between two rounds of such statements. */
  maintenanceBatchSize: 1_000,
  maintenanceBatchPauseMs: 50,
  /** How long completed events are kept, in days. In an inbox that is how long a repetition is recognised. Failed ones are kept for ever. */
  keepCompletedOutboxDays: 1,
  keepCompletedInboxDays: 7,
  /** The age since its insert up to which an event is requeued by a rule: 24 hours. */
  requeueMaxAgeMs: 86_400_000,

  /** How far statistics count. */
  countLimit: 100_000,

  /** How long, and how many, completed keys stand for their siblings in `deduplicateSiblings`. */
  siblingWindowMs: 5_000,
  siblingKeys: 10_000,

  /** A sender of wake-ups sends no more than one in this time; and while it cannot send. */
  wakeUpIntervalMs: 10,
  wakeUpFailedIntervalMs: 1_000,
  /** How often a listener has its connection checked: one whose other end vanished says nothing, for ever. */
  wakeUpCheckEveryMs: 30_000,

  /** Failures in a row that open a circuit breaker; how long it is open at least, and at most. */
  breakerFailureThreshold: 5,
  breakerHalfOpenAfterMs: 10_000,
  breakerHalfOpenMaxMs: 300_000,
  /** Keys that a circuit breaker can tell apart while something is wrong with them. */
  breakerKeys: 10_000,
  /** How long an event is put off while a breaker's try is under way, or by a step that gives no time of its own. */
  putOffMs: 1_000,
  /** How long an event waits for its turn under a rate limit before it is put off. */
  rateMaxWaitMs: 1_000,
  /** Events that are put off by a rate limit come again within this time, even if it is not their turn yet. */
  ratePutOffMaxMs: 60_000,
  /** How long a fallback may take. */
  fallbackTimeoutMs: 10_000,

  /** How long a distributed lock lasts without an extension; it is extended after each third of it. */
  lockTtlMs: 10_000,
  /** How long its store may take to answer; a third of the lock's time if that is less. */
  lockRequestTimeoutMs: 1_000,
  /** Pauses between two looks at a lock that somebody else holds: growing from the first to the second, half of each at random. */
  lockPollMinMs: 20,
  lockPollMaxMs: 250,
  /** How often a lock that could not be given back is tried again, and the first pause, doubled each time. */
  lockGiveBackRetries: 4,
  lockGiveBackPauseMs: 100,
  /** How long an event waits, in its turn, for a lock that is taken. */
  lockedEventWaitMs: 1_000,
  /** How long an event is put off whose lock somebody else holds: half of it to all of it, at random. */
  lockedEventPauseMs: 1_000,
  /** How often the standby of a single-active worker tries to lead: after half of it to all of it, at random. */
  standbyRetryMs: 1_000,
});
