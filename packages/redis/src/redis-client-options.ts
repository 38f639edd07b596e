/**
 * Options for `new Redis(url, redisClientOptions)`: a lock has to learn soon that Redis does not answer, and nothing that it asked for may be
 * carried out long after it has given it up.
 *
 * Commands fail while there is no connection, and are not sent again after one was lost. A connection without an answer is given up after
 * 3 s, later than the lock gives its own requests up: what it sends then must go over the same connection. After a
 * fail-over, a server that has become read-only is left for the next one. Connecting is tried for ever, once a second at the least.
 */
export const redisClientOptions = Object.freeze({
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 1_000,
  commandTimeout: 2_000,
  socketTimeout: 3_000,
  retryStrategy: (times: number): number => Math.min(50 * 2 ** Math.min(times, 6), 1_000) * (0.5 + Math.random() / 2),
  reconnectOnError: (error: Error): boolean => error.message.startsWith("READONLY"),
});
