// A process that takes a lock many times and notes its turns in a file: node contending-process.mjs <url> <keyPrefix> <key> <turns> <file>
import { appendFileSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createRedisLock, redisClientOptions } from "@omni-box/redis";
import { Redis } from "ioredis";

const [url = "", keyPrefix, key = "", turns, file = ""] = process.argv.slice(2);
const client = new Redis(url, redisClientOptions);
client.on("error", () => undefined);
const lock = createRedisLock({ client, keyPrefix });
for (let turn = 0; turn < Number(turns); turn += 1) {
  const work = async (held) => {
    appendFileSync(file, `in ${process.pid} ${held.fencingNumber}\n`);
    await nextTurn();
    appendFileSync(file, `out ${process.pid} ${held.fencingNumber}\n`);
  };
  await lock.withLock(key, work, { waitMs: 60_000 });
}
client.disconnect();
