import assert from "node:assert/strict";
import { isOmniBoxError } from "@omni-box/core";
import { createManualClock } from "@omni-box/core/testing";
import { allowanceMs, settlesWithin } from "../settlement.js";
import type { DistributedLockCase } from "./distributed-lock-case.js";
import { hold, lossOf, newKey, shortTtlMs } from "./lock-scenario.js";

/** That a holder learns in time that it may hold the lock no more. */
export const lossCases: readonly DistributedLockCase[] = [
  {
    id: "lock.loss.paused",
    title: "a holder that was paused past its time knows on waking that the lock is lost, whoever has it",
    async run(harness) {
      const clock = createManualClock();
      const lock = harness.createLock({ clock });
      const key = newKey();
      const held = await hold(lock, key, { ttlMs: shortTtlMs });
      const next = await harness.createLock().acquire(key, { waitMs: shortTtlMs + allowanceMs });
      assert.ok(next !== null, "the paused holder's lock did not run out");
      await settlesWithin(clock.advance(shortTtlMs), allowanceMs, "the waking");
      assert.ok(isOmniBoxError(held.signal.reason, "LOCK.LOST"), `the reason is ${String(held.signal.reason)}`);
      assert.equal(next.signal.aborted, false, "the next holder lost it too");
    },
  },
  {
    id: "lock.loss.forgotten",
    title: "a holder whose lock the store has forgotten is told before its time is over, with LOCK.LOST",
    requires: ["forgets"],
    async run(harness) {
      const lock = harness.createLock();
      const key = newKey();
      const held = await hold(lock, key, { ttlMs: 6_000 });
      await harness.forget?.();
      const reason = await lossOf(held, 5_000);
      assert.ok(isOmniBoxError(reason, "LOCK.LOST"), `the reason is ${String(reason)}`);
    },
  },
  {
    id: "lock.loss.forgotten-and-taken",
    title: "one whose forgotten lock another has now neither extends nor releases it",
    requires: ["forgets"],
    async run(harness) {
      const [lock, other, third] = [harness.createLock(), harness.createLock(), harness.createLock()];
      const key = newKey();
      const held = await hold(lock, key, { ttlMs: shortTtlMs });
      await harness.forget?.();
      const next = await hold(other, key, { ttlMs: 60_000 });
      await lossOf(held, shortTtlMs + allowanceMs);
      await settlesWithin(held.release(), allowanceMs, "release");
      assert.equal(await third.acquire(key), null, "the next holder's lock is gone");
      assert.equal(next.signal.aborted, false);
    },
  },
];
