// A process that holds a lock until it is told to end: node holding-process.mjs <url> <keyPrefix> <key> <ttlMs>
import { createRedisLock, redisClientOptions } from "@omni-box/redis";
import { Redis } from "ioredis";

const [url = "", keyPrefix, key = "", ttlMs] = process.argv.slice(2);
const client = new Redis(url, redisClientOptions);
client.on("error", () => undefined);
const lock = createRedisLock({ client, keyPrefix });
const held = await lock.acquire(key, { ttlMs: Number(ttlMs), waitMs: 10_000 });
if (held === null) throw new Error("the lock could not be had");
held.signal.addEventListener("abort", () => {
  console.log(`lost: ${held.signal.reason.code}`);
  client.disconnect();
});
console.log("held");
