import type { LockClaim, LockStore } from "@omni-box/core";
import { lockScripts } from "./lock-scripts.js";
import { mapRedisError } from "./map-redis-error.js";
import type { RedisClientLike } from "./redis-client-like.js";
import { createUntilReady } from "./until-ready.js";

/** Keeps locks in Redis: a key with the holder's token for each, and one that counts the holders of all. */
export function createRedisLockStore(client: RedisClientLike, keyPrefix: string): LockStore {
  const fencingKey = `${keyPrefix}fence`;
  const untilReady = createUntilReady(client);
  const lockKey = ({ key }: LockClaim) => `${keyPrefix}held:${key}`;

  async function run(script: string, keys: readonly string[], args: readonly string[], signal: AbortSignal) {
    try {
      await untilReady(signal);
      signal.throwIfAborted();
      return await client.eval(script, keys.length, ...keys, ...args);
    } catch (error) {
      throw mapRedisError(error);
    }
  }

  return {
    async take(claim, signal) {
      const { token, ttlMs } = claim;
      const taken = await run(lockScripts.take, [lockKey(claim), fencingKey], [token, String(ttlMs)], signal);
      // A number, or text where the client is told to keep numbers so.
      return taken === null ? null : Number(taken);
    },
    async extend(claim, signal) {
      const { token, ttlMs } = claim;
      return Number(await run(lockScripts.extend, [lockKey(claim)], [token, String(ttlMs)], signal)) === 1;
    },
    async release(claim, signal) {
      await run(lockScripts.release, [lockKey(claim)], [claim.token], signal);
    },
  };
}
