import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { isOmniBoxError } from "@omni-box/core";
import { allowanceMs, eventually, rejectsWith, settlesWithin } from "../settlement.js";
import type { DistributedLockCase } from "./distributed-lock-case.js";
import { hold, lossOf, newKey, shortTtlMs } from "./lock-scenario.js";

const unavailable = ["LOCK.UNAVAILABLE"] as const;

/** A store that is away, or that does not answer. */
export const outageCases: readonly DistributedLockCase[] = [
  {
    id: "lock.outage.acquire",
    title: "without its store acquire is LOCK.UNAVAILABLE, also for one who would wait, and works again afterwards",
    guarantee: "G6",
    requires: ["outages"],
    async run(harness) {
      const lock = harness.createLock();
      const key = newKey();
      await (await hold(lock, key)).release();
      await harness.goDown?.();
      await rejectsWith(lock.acquire(key), unavailable, allowanceMs);
      await rejectsWith(lock.acquire(key, { waitMs: 60_000 }), unavailable, allowanceMs);
      let isRun = false;
      const running = lock.withLock(key, async () => {
        isRun = true;
      });
      await rejectsWith(running, unavailable, allowanceMs);
      assert.equal(isRun, false, "the work ran without a lock");
      await harness.comeBack?.();
      await hold(lock, key);
    },
  },
  {
    id: "lock.outage.loss",
    title: "a holder that cannot extend its lock is told when its time is over",
    requires: ["outages"],
    async run(harness) {
      const lock = harness.createLock();
      const held = await hold(lock, newKey(), { ttlMs: shortTtlMs });
      await harness.goDown?.();
      const reason = await lossOf(held, shortTtlMs + allowanceMs);
      assert.ok(isOmniBoxError(reason, "LOCK.LOST"), `the reason is ${String(reason)}`);
      await harness.comeBack?.();
    },
  },
  {
    id: "lock.outage.short",
    title: "an outage that is over before the lock's time loses no lock, although an extension failed",
    requires: ["outages"],
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      const held = await hold(lock, key, { ttlMs: 6_000 });
      await harness.goDown?.();
      await pause(2_500);
      await harness.comeBack?.();
      assert.equal(await other.acquire(key, { waitMs: 4_500 }), null, "another process had it");
      assert.equal(held.signal.aborted, false, "it was lost");
    },
  },
  {
    id: "lock.outage.release",
    title: "a release without the store resolves in time and does not reject",
    requires: ["outages"],
    async run(harness) {
      const held = await hold(harness.createLock(), newKey());
      await harness.goDown?.();
      await settlesWithin(held.release(), allowanceMs, "release");
      await harness.comeBack?.();
    },
  },
  {
    id: "lock.outage.silence",
    title: "a store that does not answer is LOCK.UNAVAILABLE within a bounded time",
    guarantee: "G6",
    requires: ["silence"],
    async run(harness) {
      const lock = harness.createLock();
      const key = newKey();
      await (await hold(lock, key)).release();
      await harness.fallSilent?.();
      await rejectsWith(lock.acquire(key), unavailable, allowanceMs);
      await harness.answerAgain?.();
    },
  },
  {
    id: "lock.outage.ghost",
    title: "a request that is carried out when nobody waits for it any more leaves no lock behind",
    requires: ["silence"],
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      await (await hold(lock, key)).release();
      await (await hold(other, key)).release();
      await harness.fallSilent?.();
      await rejectsWith(lock.acquire(key, { ttlMs: 600_000 }), unavailable, allowanceMs);
      await harness.answerAgain?.();
      // Soon, and not when those ten minutes are over.
      await eventually(async () => assert.ok((await other.acquire(key)) !== null, "nobody can have the lock"));
    },
  },
  {
    id: "lock.outage.silent-loss",
    title: "a holder whose store falls silent is told when the time of its lock is over",
    requires: ["silence"],
    async run(harness) {
      const held = await hold(harness.createLock(), newKey(), { ttlMs: shortTtlMs });
      await harness.fallSilent?.();
      const reason = await lossOf(held, shortTtlMs + allowanceMs);
      assert.ok(isOmniBoxError(reason, "LOCK.LOST"), `the reason is ${String(reason)}`);
      await harness.answerAgain?.();
    },
  },
];
