import { randomUUID } from "node:crypto";
import { createMaintenance, type Maintenance, silentLogger } from "@omni-box/core";
import { createMemoryOutboxRepository } from "@omni-box/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRedisLock } from "../src/index.js";
import { type PrivateRedis, startPrivateRedis } from "./private-redis.js";
import { createTestClient, ready } from "./test-client.js";

const within = { timeout: 50_000, interval: 20 };
const cleanUps: (() => unknown)[] = [];
let redis: PrivateRedis;

beforeEach(async () => {
  redis = await startPrivateRedis();
  cleanUps.push(redis.remove);
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Two instances of one service, which run every second or so. */
async function startInstances(): Promise<readonly [Maintenance, Maintenance]> {
  const { administration } = createMemoryOutboxRepository();
  const keyPrefix = `test:${randomUUID()}:`;
  const create = async () => {
    const client = createTestClient(redis.port);
    cleanUps.push(() => client.disconnect());
    await ready(client);
    const lock = createRedisLock({ client, keyPrefix, logger: silentLogger });
    const instance = createMaintenance({
      outbox: { administration },
      lock,
      lockKey: "shop",
      everyMs: 1_000,
      logger: silentLogger,
    });
    await instance.start();
    cleanUps.push(() => instance.stop());
    return instance;
  };
  return [await create(), await create()];
}

const runsOf = (instances: readonly Maintenance[]) => instances.map((instance) => instance.metrics().runs);
const moreRuns = (instances: readonly Maintenance[], more: number) => {
  const before = runsOf(instances).reduce((sum, runs) => sum + runs, 0);
  return expect
    .poll(() => runsOf(instances).reduce((sum, runs) => sum + runs, 0), within)
    .toBeGreaterThan(before + more);
};

describe("maintenance under a lock in Redis", () => {
  it("is done by one of two instances, by the other one when that stops", async () => {
    const instances = await startInstances();
    await moreRuns(instances, 3);
    const [leader, standby] = instances[0].metrics().runs > 0 ? instances : ([instances[1], instances[0]] as const);
    expect(standby.metrics().runs).toBe(0);
    expect(standby.metrics().standbys).toBeGreaterThan(0);
    expect(standby.health().status).toBe("healthy");
    await leader.stop();
    await expect.poll(() => standby.metrics().runs, within).toBeGreaterThan(0);
  });

  it("goes on while Redis forgets its locks, is killed, and comes back empty", async () => {
    const instances = await startInstances();
    await moreRuns(instances, 2);
    await redis.command("FLUSHALL");
    await moreRuns(instances, 3);
    await redis.kill();
    await moreRuns(instances, 3);
    await redis.start();
    // By and by one of them does it alone again.
    await expect
      .poll(
        async () => {
          const before = instances.map((instance) => instance.metrics().standbys);
          await moreRuns(instances, 2);
          return instances.some((instance, index) => instance.metrics().standbys > (before[index] ?? 0));
        },
        { timeout: 60_000, interval: 100 },
      )
      .toBe(true);
    expect(instances.map((instance) => instance.metrics().failedRuns)).toEqual([0, 0]);
  }, 120_000);
});
