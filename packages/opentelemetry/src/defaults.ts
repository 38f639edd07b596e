/** Every default of `@omni-box/opentelemetry`, once, with its unit. */
export const openTelemetryDefaults = Object.freeze({
  /** The messaging system that spans name. */
  messagingSystem: "rabbitmq",
  /** What the event types are called that are not among the known ones. */
  otherEventType: "other",
  /** Known event types, at most: each is a series of its own in a dozen metrics. */
  eventTypesMax: 200,
  /** How long numbers that were read from the database are exported again before they are read anew. */
  statisticsCacheMs: 15_000,
  /** How long an export waits for the database. */
  statisticsTimeoutMs: 2_000,
  /** No count goes beyond this: counting a backlog of millions at every export would cost more than it tells. */
  statisticsCountLimit: 100_000,
});

/** Upper bounds of the buckets of durations, in seconds: from a fast statement to a handler that ran into its time-out. */
export const durationBucketsSeconds: readonly number[] = Object.freeze([
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
]);

/** The same for the time from an event's insert to its end, which an outage may make as long as itself. */
export const lagBucketsSeconds: readonly number[] = Object.freeze([
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 86_400,
]);

/** Upper bounds of the buckets of batch sizes, in events. */
export const batchSizeBuckets: readonly number[] = Object.freeze([1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000]);
