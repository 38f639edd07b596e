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
  /** An unanswered statement is forgotten after this time, one at a time: a connection that is half open never answers. */
  unansweredForMs: 60_000,
  /** The longest time that one migration may take, waiting for another process that applies it included. */
  migrationTimeoutMs: 60_000,
  /** The events of one `add` as JSON text in UTF-8. PostgreSQL takes a little less than 256 MiB. */
  addMaxBytes: 209_715_200,
});
