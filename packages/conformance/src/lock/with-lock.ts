import assert from "node:assert/strict";
import { allowanceMs, rejectsWith } from "../settlement.js";
import type { DistributedLockCase } from "./distributed-lock-case.js";
import { hold, newKey } from "./lock-scenario.js";

/** Work under a lock. */
export const withLockCases: readonly DistributedLockCase[] = [
  {
    id: "lock.with-lock.result",
    title: "withLock runs the work while the lock is held, gives its result, and releases",
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      const result = await lock.withLock(key, async (held) => {
        assert.equal(held.key, key);
        assert.equal(await other.acquire(key), null, "the lock was not held during the work");
        return 7;
      });
      assert.equal(result, 7);
      await hold(other, key);
    },
  },
  {
    id: "lock.with-lock.failure",
    title: "withLock releases when the work fails, and rejects with the work's own error",
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      const failure = new Error("the work's own");
      await assert.rejects(
        lock.withLock(key, async () => {
          throw failure;
        }),
        (error) => error === failure,
      );
      await hold(other, key);
    },
  },
  {
    id: "lock.with-lock.held",
    title: "withLock rejects with LOCK.HELD_BY_ANOTHER while another holds the lock, and does not run the work",
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      await hold(other, key);
      let isRun = false;
      const running = lock.withLock(key, async () => {
        isRun = true;
      });
      await rejectsWith(running, ["LOCK.HELD_BY_ANOTHER"], allowanceMs);
      assert.equal(isRun, false);
    },
  },
  {
    id: "lock.with-lock.waits",
    title: "withLock waits as long as it is told to",
    async run(harness) {
      const lock = harness.createLock();
      const key = newKey();
      const order: number[] = [];
      const work = (n: number) => lock.withLock(key, async () => order.push(n), { waitMs: 25_000 });
      await Promise.all([work(1), work(2), work(3)]);
      assert.deepEqual([...order].sort(), [1, 2, 3]);
    },
  },
];
