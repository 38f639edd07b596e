import { randomUUID } from "node:crypto";
import type { DistributedLockFeature, DistributedLockHarness } from "@omni-box/conformance";
import { silentLogger } from "@omni-box/core";
import type { Redis } from "ioredis";
import { startTcpProxy } from "../../rabbitmq/test/tcp-proxy.js";
import { createRedisLock } from "../src/index.js";
import type { PrivateRedis } from "./private-redis.js";
import { createTestClient, ready } from "./test-client.js";

/** Everything that the kit can ask of a lock. */
export const redisLockFeatures: readonly DistributedLockFeature[] = ["forgets", "outages", "silence"];

/** Locks behind a TCP proxy that can break, in a Redis that can be stopped; each lock has a connection of its own. */
export async function createRedisLockHarness(redis: PrivateRedis): Promise<DistributedLockHarness> {
  const proxy = await startTcpProxy({ host: "127.0.0.1", port: redis.port });
  const keyPrefix = `test:${randomUUID()}:`;
  const clients: Redis[] = [];
  return {
    createLock(options) {
      const client = createTestClient(proxy.port);
      clients.push(client);
      return createRedisLock({ client, keyPrefix, logger: silentLogger, ...options });
    },
    forget: async () => void (await redis.command("FLUSHALL")),
    async goDown() {
      proxy.setMode("reset");
      proxy.cut();
    },
    async comeBack() {
      proxy.setMode("pass");
      await Promise.all(clients.map(ready));
    },
    fallSilent: () => redis.freeze(),
    answerAgain: () => redis.thaw(),
    async close() {
      // Also after a case that failed in the middle.
      await redis.thaw().catch(() => undefined);
      for (const client of clients) client.disconnect();
      await proxy.close();
    },
  };
}
