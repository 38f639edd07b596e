import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { caseLeaseMs, refOf } from "./event-scenario.js";
import type { RepositoryCase, RepositorySubject, TimedHarness } from "./repository-subject.js";

const lease = () => ({ token: randomUUID(), workerId: "locker", leaseMs: caseLeaseMs });

/** Locking single events, extending leases and ending them by force. */
export function leaseCases<Harness extends TimedHarness>({
  name,
  open,
}: RepositorySubject<Harness>): readonly RepositoryCase<Harness>[] {
  return [
    {
      id: `${name}.lock.takes`,
      title: "a lock returns the event under its lease, whether due or not, and keeps others away",
      guarantee: "G5",
      async run(harness, features) {
        const { repository, add, take, read, record } = open(harness, features);
        const [later] = await add(1);
        const { fence, events } = await take();
        const backOff = events.map((event) => ({
          ...refOf(event),
          attemptsMade: 1,
          startedAttempts: 0,
          delayMs: 3_600_000,
          error: "busy",
        }));
        await record(repository.recordPending, fence, backOff);
        const [now] = await add(1);
        assert.ok(later && now);
        for (const { id } of [later, now]) {
          const request = lease();
          const locked = await repository.lock(id, request);
          assert.equal(locked?.lease?.token, request.token);
          assert.equal(locked.lease.workerId, "locker");
          assert.deepEqual(await read(id), locked);
          assert.equal(await repository.lock(id, lease()), null, "a second lock was granted");
        }
        assert.deepEqual((await take()).events, []);
      },
    },
    {
      id: `${name}.lock.one-wins`,
      title: "of many lockers at the same time exactly one wins",
      guarantee: "G5",
      async run(harness, features) {
        const store = open(harness, features);
        const lockers = Array.from({ length: 6 }, () => open(harness, features).repository);
        for (const { id } of await store.add(5)) {
          const attempts = lockers.map((locker) => locker.lock(id, lease()));
          const won = (await Promise.all(attempts)).filter((event) => event !== null);
          assert.equal(won.length, 1);
          assert.equal((await store.read(id)).lease?.token, won[0]?.lease?.token);
        }
      },
    },
    {
      id: `${name}.lock.after-expiry`,
      title: "a lock is granted once the holder's lease has expired",
      async run(harness, features) {
        const { repository, add, complete } = open(harness, features);
        const [added] = await add(1);
        assert.ok(added);
        await repository.lock(added.id, lease());
        await harness.advanceTime(caseLeaseMs + 1_000);
        const request = lease();
        const locked = await repository.lock(added.id, request);
        assert.ok(locked, "not granted");
        const receipt = await complete({ fence: { kind: "lease", token: request.token }, events: [locked] });
        assert.deepEqual(receipt.missing, []);
      },
    },
    {
      id: `${name}.lock.refused`,
      title: "a failed event and an unknown one cannot be locked or unlocked",
      async run(harness, features) {
        const { repository, add, take, fail } = open(harness, features);
        await add(1);
        const taken = await take();
        await fail(taken, "final");
        for (const id of [taken.events[0]?.id ?? "", randomUUID()]) {
          assert.equal(await repository.lock(id, lease()), null);
          assert.equal(await repository.forceUnlock(id, "by the kit"), null);
        }
      },
    },
    {
      id: `${name}.lease.extended`,
      title: "an extended lease lasts from the extension on, and then runs out",
      async run(harness, features) {
        const { repository, add, take, record } = open(harness, features);
        await add(2);
        const { fence, events } = await take();
        await harness.advanceTime(caseLeaseMs * 0.7);
        const extend = () =>
          record((held, rows) => repository.extendLease({ ...held }, rows, caseLeaseMs), fence, events.map(refOf));
        assert.deepEqual((await extend()).missing, []);
        await harness.advanceTime(caseLeaseMs * 0.7);
        assert.deepEqual((await take()).events, [], "not extended");
        await harness.advanceTime(caseLeaseMs * 0.7);
        assert.equal((await take()).events.length, 2, "extended for ever");
      },
    },
    {
      id: `${name}.lease.extension-reports`,
      title: "an extension reports the events that are done or gone",
      guarantee: "G5",
      async run(harness, features) {
        const { repository, add, take, complete, release, record } = open(harness, features);
        await add(3);
        const { fence, events } = await take();
        const [done, released, held] = events;
        assert.ok(done && released && held);
        await complete({ fence, events: [done] });
        await release({ fence, events: [released] });
        const refs = events.map(refOf);
        const { missing } = await record(
          (given, rows) => repository.extendLease(given, rows, caseLeaseMs),
          fence,
          refs,
        );
        assert.deepEqual(new Set(missing.map(({ id }) => id)), new Set([done.id, released.id]));
      },
    },
    {
      id: `${name}.unlock.forced`,
      title: "a forced unlock frees the event, notes the reason, keeps the attempts and fences the holder off",
      guarantee: "G5",
      async run(harness, features) {
        const { repository, add, take, complete, record } = open(harness, features);
        await add(1);
        const { fence, events } = await take();
        const retried = events.map((event) => ({
          ...refOf(event),
          attemptsMade: 2,
          startedAttempts: 0,
          delayMs: null,
          error: "nacked",
        }));
        await record(repository.recordPending, fence, retried);
        const holder = await take();
        const id = holder.events[0]?.id ?? "";
        const unlocked = await repository.forceUnlock(id, "its worker hangs");
        assert.equal(unlocked?.lease, null);
        assert.equal(unlocked.lastError, "its worker hangs");
        assert.equal(unlocked.status, "pending");
        assert.equal(unlocked.attemptsMade, 2);
        assert.deepEqual(await repository.findById(id), unlocked);
        assert.deepEqual(
          (await complete(holder)).missing.map((row) => row.id),
          [id],
        );
        assert.deepEqual(
          (await take()).events.map((event) => event.id),
          [id],
        );
      },
    },
    {
      id: `${name}.unlock.not-held`,
      title: "a forced unlock of a free event leaves it free",
      async run(harness, features) {
        const { repository, add, take } = open(harness, features);
        const [added] = await add(1);
        assert.equal((await repository.forceUnlock(added?.id ?? "", "to be sure"))?.lease, null);
        assert.equal((await take()).events.length, 1);
      },
    },
  ];
}
