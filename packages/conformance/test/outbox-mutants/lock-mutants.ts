import { randomUUID } from "node:crypto";
import type { OutboxMutant } from "./outbox-mutant.js";
import { recordUnfenced } from "./record-unfenced.js";

/** Faults of locking, extending and unlocking. */
export const lockMutants: readonly OutboxMutant[] = [
  {
    fault: "a lock looks and takes in two steps",
    killedBy: "outbox.lock.one-wins",
    wrap: (base) => ({
      ...base,
      async lock(id, lease) {
        const seen = await base.findById(id);
        if (seen?.lease !== null) return null;
        void base.forceUnlock(id, "it was free a moment ago");
        return base.lock(id, lease);
      },
    }),
  },
  {
    fault: "a lock ends the lease of another",
    killedBy: "outbox.lock.takes",
    wrap: (base) => ({
      ...base,
      async lock(id, lease) {
        await base.forceUnlock(id, "out of my way");
        return base.lock(id, lease);
      },
    }),
  },
  {
    fault: "a lock is refused to an event that is not due",
    killedBy: "outbox.lock.takes",
    wrap: (base) => ({
      ...base,
      async lock(id, lease) {
        const due = await base.findDue({ limit: 10_000 });
        return due.some((event) => event.id === id) ? base.lock(id, lease) : null;
      },
    }),
  },
  {
    fault: "an extension changes nothing",
    killedBy: "outbox.lease.extended",
    wrap: (base) => ({ ...base, extendLease: async () => ({ missing: [] }) }),
  },
  {
    fault: "an extension does not look at the token",
    killedBy: "outbox.lost-lease.extend",
    wrap: (base) => ({
      ...base,
      extendLease: (_fence, rows, leaseMs) =>
        recordUnfenced(base, rows, (fence, row) => base.extendLease(fence, [row], leaseMs)),
    }),
  },
  {
    fault: "a forced unlock forgets the attempts",
    killedBy: "outbox.unlock.forced",
    wrap: (base) => ({
      ...base,
      async forceUnlock(id, reason) {
        const unlocked = await base.forceUnlock(id, reason);
        const token = randomUUID();
        const locked = await base.lock(id, { token, workerId: "unlocker", leaseMs: 60_000 });
        if (locked === null) return unlocked;
        await base.recordPending({ kind: "lease", token }, [
          { ...locked, attemptsMade: 0, delayMs: null, error: null },
        ]);
        return base.findById(id);
      },
    }),
  },
  {
    fault: "a forced unlock leaves the lease",
    killedBy: "outbox.unlock.forced",
    wrap: (base) => ({
      ...base,
      async forceUnlock(id, reason) {
        const event = await base.findById(id);
        return event && { ...event, lease: null, lastError: reason };
      },
    }),
  },
];
