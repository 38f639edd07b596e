import { setImmediate as nextTurn } from "node:timers/promises";
import type { EventRef, OutcomeReceipt, PendingRow } from "@omni-box/core";
import type { MemoryOutboxRepository } from "@omni-box/core/testing";
import { bucketsOf, inBuckets, knowingHolders, recordLoosely } from "./bucket-mutant.js";
import {
  around,
  ignoringAll,
  ignoringEpoch,
  ignoringOwner,
  isHeldByAll,
  type Loosen,
  type Write,
  writes,
} from "./guarded-writes.js";
import type { OutboxMutant } from "./outbox-mutant.js";

type Wrap = OutboxMutant["wrap"];

/** Faults of outcomes under the fence of owned buckets. */
export const bucketOutcomeMutants: readonly OutboxMutant[] = [
  ...writes.flatMap((write): OutboxMutant[] => [
    {
      fault: `"${write}" does not look at the fence`,
      killedBy: `outbox.buckets.stale-${write}-taken-over`,
      wrap: fencedAs(write, ignoringAll),
    },
    {
      fault: `"${write}" does not look at the epoch`,
      killedBy: `outbox.buckets.stale-${write}-old-epoch`,
      wrap: fencedAs(write, ignoringEpoch),
    },
    {
      fault: `"${write}" does not look at the owner`,
      killedBy: `outbox.buckets.stale-${write}-other-owner`,
      wrap: fencedAs(write, ignoringOwner),
    },
    {
      fault: `"${write}" takes any bucket of the owner for the event's own`,
      killedBy: `outbox.buckets.stale-${write}-other-bucket`,
      wrap: fencedAs(write, ignoringEpoch),
    },
    {
      fault: `"${write}" passes for a bucket that nobody has`,
      killedBy: `outbox.buckets.stale-${write}-released`,
      wrap: passingWithoutOwner(write),
    },
    {
      fault: `"${write}" never reports an event as missing`,
      killedBy: `outbox.buckets.stale-${write}-taken-over`,
      wrap: receiptAs(write, () => ({ missing: [] })),
    },
    {
      fault: `"${write}" reports all events when one bucket is lost`,
      killedBy: `outbox.buckets.partly-lost-${write}`,
      wrap: partlyLostAs(write, (rows) => rows),
    },
    {
      fault: `"${write}" is written for the lost bucket when another one is held`,
      killedBy: `outbox.buckets.partly-lost-${write}`,
      wrap: fencedAs(write, ignoringAll),
    },
    {
      fault: `"${write}" reports events that are not pending any more`,
      killedBy:
        write === "completed" || write === "failed" ? `outbox.buckets.repeated-${write}` : "outbox.buckets.ended-stays",
      wrap: reportingEnded(write),
    },
  ]),
  {
    fault: "a lost bucket loses the whole batch",
    killedBy: "outbox.buckets.partly-lost-completed",
    wrap: partlyLostAs("completed", () => []),
  },
  {
    fault: "an outcome is recorded for all events of its buckets",
    killedBy: "outbox.buckets.completed-deleted",
    wrap: (base) => ({
      ...base,
      recordCompleted: (fence) =>
        base.recordCompleted(
          fence,
          base.all().filter(({ bucket }) => fence.kind === "buckets" && fence.epochs.has(bucket)),
        ),
    }),
  },
  {
    fault: "a completed event keeps its starts",
    killedBy: "outbox.buckets.completed-kept",
    wrap: (base) => ({
      ...base,
      async findById(id) {
        const event = await base.findById(id);
        return event?.status === "completed" ? { ...event, startedAttempts: 2 } : event;
      },
    }),
  },
  pendingAs("all rows get the values of the first", "pending", (row, _base, first) => ({ ...first, ...refOf(row) })),
  pendingAs("starts are not stored", "pending", (row) => ({ ...row, startedAttempts: 0 })),
  pendingAs("errors are not stored", "pending", (row) => ({ ...row, error: null })),
  pendingAs("attempts are added up", "repeated-pending", (row, base) => ({
    ...row,
    attemptsMade: row.attemptsMade + (base.all().find(({ seq }) => seq === row.seq)?.attemptsMade ?? 0),
  })),
  {
    fault: "a failed event is tried again",
    killedBy: "outbox.buckets.failed",
    wrap: (base) => ({
      ...base,
      recordFailed: (fence, rows) =>
        base.recordPending(
          fence,
          rows.map((row) => ({ ...row, startedAttempts: 0, delayMs: null })),
        ),
    }),
  },
  {
    fault: "starts are added up",
    killedBy: "outbox.buckets.repeated-started",
    wrap: inBuckets((buckets, base) => ({
      recordStarted(fence, row, starts) {
        const before = base.all().find(({ seq }) => seq === row.seq)?.startedAttempts ?? 0;
        return buckets.recordStarted(fence, row, before + starts);
      },
    })),
  },
  {
    fault: "a start ends the backoff",
    killedBy: "outbox.buckets.started",
    wrap: inBuckets((_buckets, base) => ({
      recordStarted(fence, { id, seq }, startedAttempts) {
        const attemptsMade = base.all().find((event) => event.seq === seq)?.attemptsMade ?? 0;
        return base.recordPending(fence, [{ id, seq, attemptsMade, startedAttempts, delayMs: null, error: null }]);
      },
    })),
  },
  {
    fault: "a start is counted for the whole bucket",
    killedBy: "outbox.buckets.started",
    wrap: inBuckets((buckets, base) => ({
      async recordStarted(fence, row, starts) {
        for (const event of base.all()) await buckets.recordStarted(fence, event, starts);
        return buckets.recordStarted(fence, row, starts);
      },
    })),
  },
  {
    fault: "an outcome is refused when the lease is over, although nobody took over",
    killedBy: "outbox.buckets.outcome-after-lease",
    wrap: (base) => ({
      ...base,
      async recordCompleted(fence, rows) {
        const { free, bucketCount } = await bucketsOf(base).survey(0);
        return free === bucketCount ? { missing: rows } : base.recordCompleted(fence, rows);
      },
    }),
  },
  {
    fault: "an outcome of more than a thousand events forgets the rest",
    killedBy: "outbox.buckets.outcome-bulk",
    wrap: (base) => ({ ...base, recordCompleted: (fence, rows) => base.recordCompleted(fence, rows.slice(0, 1_000)) }),
  },
  {
    fault: "an outcome looks at the fence and writes in two steps",
    killedBy: "outbox.buckets.race",
    wrap: knowingHolders((holders, base) => ({
      async recordCompleted(fence, rows) {
        const checked = fence.kind === "buckets" ? isHeldByAll(fence, holders) : false;
        await nextTurn();
        if (fence.kind === "lease" || !checked) return base.recordCompleted(fence, rows);
        return recordLoosely(base, ignoringAll(fence, holders), rows, base.recordCompleted);
      },
    })),
  },
];

function fencedAs(write: Write, loosen: Loosen): Wrap {
  return knowingHolders((holders, base) =>
    around(write, base, (fence, rows, record) => recordLoosely(base, loosen(fence, holders), rows, record)),
  );
}

function receiptAs(write: Write, change: (receipt: OutcomeReceipt) => OutcomeReceipt): Wrap {
  return knowingHolders((_holders, base) =>
    around(write, base, async (fence, rows, record) => change(await record(fence, rows))),
  );
}

/** Acquires what is free, writes, and gives it up again. */
function passingWithoutOwner(write: Write): Wrap {
  return knowingHolders((_holders, base) =>
    around(write, base, async (fence, rows, record) => {
      const buckets = bucketsOf(base);
      const request = { owner: fence.owner, limit: 2, leaseMs: 1_000, graceMs: 1_000_000 };
      const acquired = await buckets.acquire(request);
      const epochs = new Map(acquired.map(({ bucket, epoch }) => [bucket, epoch]));
      const receipt = await record({ ...fence, epochs }, rows);
      await buckets.release({ ...fence, epochs });
      return receipt;
    }),
  );
}

/** A batch with a lost bucket: `written` of it is written, and all of it reported. */
function partlyLostAs(write: Write, written: <Row>(rows: readonly Row[]) => readonly Row[]): Wrap {
  return knowingHolders((holders, base) =>
    around(write, base, async (fence, rows, record) => {
      if (isHeldByAll(fence, holders)) return record(fence, rows);
      await record(fence, written(rows));
      return { missing: rows };
    }),
  );
}

function reportingEnded(write: Write): Wrap {
  return knowingHolders((_holders, base) =>
    around(write, base, async (fence, rows, record) => {
      const pending = new Set(base.all().flatMap(({ seq, status }) => (status === "pending" ? [seq] : [])));
      const { missing } = await record(fence, rows);
      return { missing: [...missing, ...rows.filter(({ seq }) => !pending.has(seq))] };
    }),
  );
}

function pendingAs(
  fault: string,
  killer: string,
  change: (row: PendingRow, base: MemoryOutboxRepository, first: PendingRow) => PendingRow,
): OutboxMutant {
  const wrap: Wrap = (base) => ({
    ...base,
    recordPending: (fence, rows) =>
      base.recordPending(
        fence,
        rows.map((row) => change(row, base, rows[0] ?? row)),
      ),
  });
  return { fault: `in a pending outcome ${fault}`, killedBy: `outbox.buckets.${killer}`, wrap };
}

function refOf({ id, seq }: EventRef): EventRef {
  return { id, seq };
}
