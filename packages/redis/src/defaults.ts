/** Every default of `@omni-box/redis`, once, with its unit. Those of the lock itself are in core's `defaults`. */
export const redisDefaults = Object.freeze({
  /** All keys of a lock begin with it; services that share a Redis and name their locks alike need different ones. */
  keyPrefix: "omni-box:lock:",
  /** Between processes, over PUBLISH and SUBSCRIBE. */
  wakeUp: Object.freeze({
    /** All listeners of a server hear it, whatever their database. */
    channel: "omni-box:wake-up",
    /** How long a listener waits for its connection, and for each answer; and a sender for its own. */
    timeoutMs: 5_000,
  }),
});
