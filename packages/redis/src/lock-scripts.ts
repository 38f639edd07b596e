/**
 * The scripts of the lock. Each is one atomic step: what it reads cannot change before it writes.
 *
 * They are sent whole, by EVAL: EVALSHA would save 200 bytes, and its repetition after NOSCRIPT would be sent behind a release that was
 * meant to undo the first one (`docs/decisions/0018`).
 */
export const lockScripts = Object.freeze({
  /** KEYS: lock, fencing number. ARGV: token, ttl in ms. A request that arrives twice takes the lock once. */
  take: `
if redis.call("SET", KEYS[1], ARGV[1], "NX", "PX", ARGV[2]) or redis.call("GET", KEYS[1]) == ARGV[1] then
  return redis.call("INCR", KEYS[2])
end
return false`,
  /** KEYS: lock. ARGV: token, ttl in ms. */
  extend: `
if redis.call("GET", KEYS[1]) == ARGV[1] then
  return redis.call("PEXPIRE", KEYS[1], ARGV[2])
end
return 0`,
  /** KEYS: lock. ARGV: token. */
  release: `
if redis.call("GET", KEYS[1]) == ARGV[1] then
  return redis.call("DEL", KEYS[1])
end
return 0`,
});
