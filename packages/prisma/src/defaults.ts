/** Every default of `@omni-box/prisma`, once, with its unit. */
export const prismaDefaults = Object.freeze({
  /**
   * The longest wait for the answer to one statement of a repository. A connection whose other end vanished never answers,
   * and neither Prisma nor the driver ends the wait by itself.
   */
  statementTimeoutMs: 10_000,
  /**
   * While so many statements of a repository are unanswered after their time-out, it sends no others. Each keeps a connection
   * of the pool, on which the application's own transactions may depend.
   */
  maxUnanswered: 3,
  /**
   * The same for the statements by which workers own buckets, on limits of their own: while outcomes wait for a lock, the leases
   * have to be renewed. Three in a row take less than a third of the default lease.
   */
  ownership: Object.freeze({ timeoutMs: 3_000, maxUnanswered: 3, unansweredForMs: 3_000 }),
  /** An unanswered statement is forgotten after this time, one at a time: a connection that is half open never answers. */
  unansweredForMs: 60_000,
  /**
   * After its commit the row of a message is looked for: a transaction waits so long for others that are about to end, or until
   * there are so many, to share that statement.
   */
  commitCheck: Object.freeze({ waitMs: 10, maxRows: 25 }),
  /** The longest time that one migration may take, waiting for another process that applies it included. */
  migrationTimeoutMs: 60_000,
  /** The events of one `add` as JSON text in UTF-8. PostgreSQL takes a little less than 256 MiB. */
  addMaxBytes: 209_715_200,
  /** The messages of one `store` likewise. The body of an undecodable message takes two bytes for each of its own. */
  storeMaxBytes: 209_715_200,
  /** How long an inbox waits for another transaction that holds the same message. */
  lockTimeoutMs: 5_000,
  /** How long an inbox waits for a connection of the pool before a transaction. */
  maxWaitMs: 5_000,
  /** Between processes, over LISTEN and NOTIFY. */
  wakeUp: Object.freeze({
    /** All listeners of a database hear it. */
    channel: "omni_box_wake_up",
    /** How long a listener waits for its connection, and for each answer; and a sender for its own. */
    timeoutMs: 5_000,
    /** How long a listener's connection may take to close. */
    closeTimeoutMs: 1_000,
  }),
  /** From where on `examineStore` reports open transactions, dead rows in one table, and the difference of two clocks. */
  doctor: Object.freeze({ longTransactionMs: 300_000, deadRowsMax: 100_000, clockDifferenceMaxMs: 1_000 }),
  /** What Prisma gets beyond the time-out of a transaction to end it, before the connection is taken for dead. */
  transactionGraceMs: 2_000,
});
