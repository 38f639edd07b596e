import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { allowanceMs, rejectsWith, settlesWithin } from "../settlement.js";
import type { DistributedLockCase } from "./distributed-lock-case.js";
import { hold, newKey, shortTtlMs } from "./lock-scenario.js";

/** Who gets a lock, and how long one waits for it. */
export const acquiringCases: readonly DistributedLockCase[] = [
  {
    id: "lock.acquire.exclusive",
    title: "a lock that is held is had by nobody else, neither in another process nor in its own",
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      await hold(lock, key);
      assert.equal(await other.acquire(key), null, "another process had it");
      assert.equal(await lock.acquire(key), null, "the same process had it again");
    },
  },
  {
    id: "lock.acquire.keys",
    title: "locks of different keys have nothing to do with one another",
    async run(harness) {
      const lock = harness.createLock();
      const key = newKey();
      const names = [key, `${key}:fence`, `${key} `, key.toUpperCase(), `{${key}}`, "order\0ü", "*"];
      const helds = await Promise.all(names.map((name) => hold(lock, name)));
      for (const [index, held] of helds.entries()) assert.equal(held.key, names[index]);
      await Promise.all(helds.map((held) => held.release()));
    },
  },
  {
    id: "lock.acquire.at-once",
    title: "a lock that was released is had at once, however long its time was",
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      for (let turn = 0; turn < 20; turn += 1) {
        const held = await hold(turn % 2 === 0 ? lock : other, key, { ttlMs: 60_000 });
        await held.release();
      }
    },
  },
  {
    id: "lock.acquire.waits",
    title: "one who waits has the lock soon after its holder has released it",
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      const held = await hold(lock, key, { ttlMs: 60_000 });
      const order: string[] = [];
      const waiting = other.acquire(key, { waitMs: 60_000 }).then((next) => {
        order.push(next === null ? "had nothing" : "had");
      });
      await pause(200);
      order.push("released");
      await held.release();
      await settlesWithin(waiting, allowanceMs, "a waiting acquire");
      assert.deepEqual(order, ["released", "had"]);
    },
  },
  {
    id: "lock.acquire.wait-ends",
    title: "one who waits in vain is answered null when the time is over, not before and not much later",
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      await hold(lock, key, { ttlMs: 60_000 });
      const startedAt = performance.now();
      assert.equal(await settlesWithin(other.acquire(key, { waitMs: 500 }), 500 + allowanceMs, "acquire"), null);
      // A timer may come a moment early.
      assert.ok(performance.now() - startedAt >= 480, "it did not wait");
    },
  },
  {
    id: "lock.acquire.no-wait",
    title: "one who does not want to wait is answered at once",
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      await hold(lock, key, { ttlMs: 60_000 });
      assert.equal(await settlesWithin(other.acquire(key), allowanceMs, "acquire"), null);
    },
  },
  {
    id: "lock.acquire.signal",
    title: "an aborted signal ends the waiting with null, and one that was aborted before takes no lock",
    async run(harness) {
      const [lock, other] = [harness.createLock(), harness.createLock()];
      const key = newKey();
      const held = await hold(lock, key, { ttlMs: 60_000 });
      const stopping = new AbortController();
      const waiting = other.acquire(key, { waitMs: 60_000, signal: stopping.signal });
      await pause(100);
      stopping.abort();
      assert.equal(await settlesWithin(waiting, allowanceMs, "an aborted acquire"), null);
      await held.release();
      assert.equal(await other.acquire(key, { signal: stopping.signal }), null);
      await hold(lock, key);
    },
  },
  {
    id: "lock.acquire.contention",
    title: "of many who want a lock each has it once, and never two at a time",
    async run(harness) {
      const locks = Array.from({ length: 5 }, () => harness.createLock());
      const key = newKey();
      let inside = 0;
      let turns = 0;
      const contend = async (index: number) => {
        const held = await locks[index % locks.length]?.acquire(key, { waitMs: 25_000 });
        assert.ok(held, "one of those who waited got nothing");
        inside += 1;
        assert.equal(inside, 1, "two had the lock at the same time");
        await pause(1);
        turns += 1;
        inside -= 1;
        await held.release();
      };
      await Promise.all(Array.from({ length: 20 }, (_, index) => contend(index)));
      assert.equal(turns, 20);
    },
  },
  {
    id: "lock.acquire.fencing-number",
    title: "the fencing number rises with every holder of a key, in whatever process",
    async run(harness) {
      const locks = [harness.createLock(), harness.createLock()];
      const key = newKey();
      let last = 0;
      for (let turn = 0; turn < 10; turn += 1) {
        const lock = locks[turn % 2] ?? assert.fail();
        const held = await hold(lock, key, { ttlMs: shortTtlMs });
        assert.ok(held.fencingNumber > last, `${held.fencingNumber} came after ${last}`);
        last = held.fencingNumber;
        await held.release();
      }
    },
  },
  {
    id: "lock.acquire.invalid",
    title: "a key or options that break a limit are refused, and take no lock",
    async run(harness) {
      const lock = harness.createLock();
      const key = newKey();
      const invalid = ["CONFIG.INVALID_OPTIONS"] as const;
      await rejectsWith(lock.acquire(""), invalid, allowanceMs);
      await rejectsWith(lock.acquire("k".repeat(256)), invalid, allowanceMs);
      for (const options of [{ ttlMs: 0 }, { ttlMs: 1.5 }, { ttlMs: Number.NaN }, { waitMs: -1 }])
        await rejectsWith(lock.acquire(key, options), invalid, allowanceMs);
      await hold(lock, key);
    },
  },
];
