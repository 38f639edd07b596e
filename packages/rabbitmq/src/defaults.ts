/** Every default of `@omni-box/rabbitmq`, once, with its unit. What the broker's outage shares with the relay is in core's `defaults`. */
export const rabbitMqDefaults = Object.freeze({
  /** Confirm channels of one publisher; messages of one partition key always use the same one. */
  channels: 4,
  /** Messages that may be written and unconfirmed at once, over all channels. */
  maxUnconfirmed: 4_000,
  /** Messages that a consumer has in hand at once. */
  prefetch: 100,
  /** Acknowledgements wait so long for others, to be told to the broker together. */
  ackDelayMs: 5,
  /** So many acknowledgements at most wait; a quarter of `prefetch` if that is less. */
  ackBatchSize: 100,
  /** The longest one attempt may take to connect, check the topology and open the channels. */
  connectTimeoutMs: 5_000,
  /** How long the broker may take to answer the closing of a channel or connection before the connection counts as dead. */
  closeTimeoutMs: 1_000,
});
