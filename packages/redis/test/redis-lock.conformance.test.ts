import { distributedLockCases } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import { afterAll, beforeAll, describe } from "vitest";
import { type PrivateRedis, startPrivateRedis } from "./private-redis.js";
import { createRedisLockHarness, redisLockFeatures } from "./redis-lock-harness.js";

let redis: PrivateRedis;
beforeAll(async () => {
  redis = await startPrivateRedis();
});
afterAll(() => redis.remove());

describe("the lock in Redis keeps the contract", () => {
  runCases(distributedLockCases, () => createRedisLockHarness(redis), { features: redisLockFeatures });
});
