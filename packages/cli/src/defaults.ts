/** Every default of `@omni-box/cli`, once, with its unit. */
export const cliDefaults = Object.freeze({
  /** How long a connection to the database may take. */
  connectTimeoutMs: 10_000,
  /** How long an answer of the database may take: a connection whose other end vanished never answers. */
  queryTimeoutMs: 60_000,
  /** Events or keys that a list shows. */
  listLimit: 50,
  /** Events that one statement changes; commands go on until all are changed. */
  changeBatchSize: 1_000,
  /** Events that a dry run looks at. */
  dryRunLimit: 10_000,
  /** How often `status --watch` looks again. */
  watchIntervalMs: 2_000,
  /** The least pause of `status --watch`: it counts rows each time. */
  watchIntervalMinMs: 100,
  /** How long one migration may take. */
  migrateTimeoutMs: 60_000,
  /** Where `relay` shows health and metrics. */
  http: Object.freeze({ host: "127.0.0.1", port: 9464 }),
  /** How long a connection to RabbitMQ or Redis may take. */
  serviceTimeoutMs: 5_000,
});
