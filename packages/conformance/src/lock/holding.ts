import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { createManualClock } from "@omni-box/core/testing";
import { allowanceMs, settlesWithin } from "../settlement.js";
import type { DistributedLockCase } from "./distributed-lock-case.js";
import { hold, newKey, shortTtlMs } from "./lock-scenario.js";

/** Keeping a lock, and giving it up. */
export const holdingCases: readonly DistributedLockCase[] = [
  {
    id: "lock.hold.extended",
    title: "a lock outlives its time while its holder lives, and nobody else has it meanwhile",
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      const held = await hold(lock, key, { ttlMs: shortTtlMs });
      assert.equal(await other.acquire(key, { waitMs: 2 * shortTtlMs }), null, "another process had it");
      assert.equal(held.signal.aborted, false, "it was lost");
    },
  },
  {
    id: "lock.hold.runs-out",
    title: "the lock of a holder that lives no more is free when its time is over, and not before",
    async run(harness) {
      // Its clock stands still: no timer runs, as in a process that was killed.
      const lock = harness.createLock({ clock: createManualClock() });
      const other = harness.createLock();
      const key = newKey();
      const startedAt = performance.now();
      await hold(lock, key, { ttlMs: shortTtlMs });
      const next = await other.acquire(key, { waitMs: shortTtlMs + allowanceMs });
      assert.ok(next !== null, "it was never free");
      assert.ok(performance.now() - startedAt > shortTtlMs * 0.9, "it was free too early");
    },
  },
  {
    id: "lock.hold.release-again",
    title: "releasing twice, and at the same time, is as good as once, and is no loss",
    async run(harness) {
      const lock = harness.createLock();
      const key = newKey();
      const held = await hold(lock, key);
      await Promise.all([held.release(), held.release()]);
      await held.release();
      assert.equal(held.signal.aborted, false, "a release was taken for a loss");
      await hold(lock, key);
    },
  },
  {
    id: "lock.hold.release-is-ours",
    title: "one who releases late does not take the lock from the next holder",
    async run(harness) {
      const lock = harness.createLock({ clock: createManualClock() });
      const [other, third] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      const late = await hold(lock, key, { ttlMs: shortTtlMs });
      const next = await other.acquire(key, { ttlMs: 60_000, waitMs: shortTtlMs + allowanceMs });
      assert.ok(next !== null, "the lock did not run out");
      await settlesWithin(late.release(), allowanceMs, "release");
      assert.equal(await third.acquire(key), null, "the next holder's lock is gone");
      assert.equal(next.signal.aborted, false);
    },
  },
  {
    id: "lock.hold.released-again-held",
    title: "a second release does not take the lock from the next holder",
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      const held = await hold(lock, key);
      await held.release();
      await hold(lock, key);
      await held.release();
      assert.equal(await other.acquire(key), null, "the next holder's lock is gone");
    },
  },
  {
    id: "lock.hold.disposed",
    title: "`await using` releases the lock at the end of the block",
    async run(harness) {
      const lock = harness.createLock();
      const key = newKey();
      const inBlock = async () => {
        await using held = await hold(lock, key);
        assert.equal(held.key, key);
      };
      await inBlock();
      await hold(lock, key);
    },
  },
  {
    id: "lock.hold.no-extension-after-release",
    title: "a released lock is not kept alive",
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      const held = await hold(lock, key, { ttlMs: shortTtlMs });
      await held.release();
      const next = await hold(other, key, { ttlMs: shortTtlMs });
      await pause(shortTtlMs);
      assert.equal(next.signal.aborted, false);
      assert.equal(await lock.acquire(key), null);
    },
  },
];
