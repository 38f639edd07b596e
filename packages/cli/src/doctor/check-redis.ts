import { describeFailure } from "@omni-box/core";
import { cliDefaults } from "../defaults.js";
import type { Finding } from "./finding.js";
import { importPeer } from "./import-peer.js";
import { hostOf } from "./service-url.js";

/** Looks whether Redis answers, and whether it would drop keys. Changes nothing. */
export async function checkRedis(url: string): Promise<readonly Finding[]> {
  const ioredis = await importPeer(() => import("ioredis"));
  if (ioredis === null) {
    const advice = "install ioredis beside this package, or leave Redis's URL out";
    return [{ name: "Redis", status: "skipped", found: "ioredis is not installed", advice }];
  }
  const redis = new ioredis.Redis(url, {
    lazyConnect: true,
    connectTimeout: cliDefaults.serviceTimeoutMs,
    commandTimeout: cliDefaults.serviceTimeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // The call that fails says only that the connection is closed.
  let reason: unknown = null;
  redis.on("error", (error) => {
    reason = error;
  });
  try {
    await redis.connect();
    await redis.ping();
    const answers: Finding = { name: "Redis", status: "ok", found: `${hostOf(url)} answers`, advice: null };
    // A user without the right to ask is no reason to complain.
    const memory = await redis.info("memory").catch(() => "");
    return [answers, evictionFinding(/^maxmemory_policy:(\S+)/m.exec(memory)?.[1])];
  } catch (error) {
    const found = `${hostOf(url)} does not answer: ${describeFailure(reason ?? error).message}`;
    const advice = "check that it runs, and its URL; meanwhile locks and wake-ups do not work, and no event is lost";
    return [{ name: "Redis", status: "problem", found, advice }];
  } finally {
    redis.disconnect();
  }
}

function evictionFinding(policy: string | undefined): Finding {
  const name = "Redis eviction";
  if (policy === undefined)
    return { name, status: "skipped", found: "INFO memory does not say the policy", advice: null };
  const found = `maxmemory-policy is ${policy}`;
  if (policy === "noeviction") return { name, status: "ok", found, advice: null };
  return { name, status: "warning", found, advice: "set noeviction: a lock that is evicted has two owners" };
}
