import type { BucketReadRequest, BucketRow, OpenWriter, OutboxEvent } from "@omni-box/core";
import { bothReads, bothWriters } from "./both-reads.js";
import { inBuckets } from "./bucket-mutant.js";
import type { OutboxMutant } from "./outbox-mutant.js";

type Rows = readonly BucketRow<OutboxEvent>[];

/** Faults of reading owned buckets and of what keys wait for. */
export const bucketReadMutants: readonly OutboxMutant[] = [
  rowsAs("buckets are read in no order of theirs", "read-order", (rows) => [...rows].sort(bySeq)),
  rowsAs("what was added last is read first", "read-order", (rows) => [...rows].reverse()),
  {
    fault: "peeking names the events in another order",
    killedBy: "outbox.buckets.read-order",
    wrap: inBuckets((buckets) => ({
      async peek(request) {
        const { rows, writers } = await buckets.peek(request);
        return { rows: [...rows].reverse(), writers };
      },
    })),
  },
  rowsAs("headers are not read", "read-content", (rows) =>
    rows.map((row) => ({ ...row, event: { ...row.event, headers: {} } })),
  ),
  askedAs("the bucket behind each one is read too", "read-other-buckets", (request) => ({
    ...request,
    from: request.from.flatMap((position) => [position, { ...position, bucket: position.bucket + 1 }]),
  })),
  askedAs("the last position of all buckets counts for each", "read-cursor", (request) => {
    const afterSeq = request.from.map((position) => position.afterSeq).sort((a, b) => (a < b ? 1 : -1))[0] ?? 0n;
    return { ...request, from: request.from.map((position) => ({ ...position, afterSeq })) };
  }),
  askedAs("the event at the position is read again", "read-cursor", (request) => ({
    ...request,
    from: request.from.map((position) => ({ ...position, afterSeq: position.afterSeq - 1n })),
  })),
  {
    fault: "events behind the last one that was read are passed over",
    killedBy: "outbox.buckets.read-late-commit",
    wrap: inBuckets((buckets) => {
      let last = 0n;
      return bothReads(buckets, async (request) => {
        const rows = (await buckets.read(request)).rows.filter(({ event }) => event.seq >= last);
        for (const { event } of rows) last = event.seq > last ? event.seq : last;
        return rows;
      });
    }),
  },
  {
    fault: "open transactions are not named",
    killedBy: "outbox.buckets.read-writers",
    wrap: inBuckets((buckets) => bothWriters(buckets, () => [])),
  },
  {
    fault: "what open transactions have added is never called hidden",
    killedBy: "outbox.buckets.read-writers",
    wrap: inBuckets((buckets) =>
      bothWriters(buckets, (writers) => writers.map((writer) => ({ ...writer, isHidden: false }))),
    ),
  },
  {
    fault: "transactions that are over are named for ever",
    killedBy: "outbox.buckets.read-writers",
    wrap: inBuckets((buckets) => {
      const ids = new Set<string>();
      return bothWriters(buckets, (writers) => {
        for (const { id } of writers) ids.add(id);
        return [...ids].map((id) => ({ id, isHidden: writers.some((writer) => writer.id === id) }));
      });
    }),
  },
  {
    fault: "transactions that have just ended are called hidden",
    killedBy: "outbox.buckets.read-writers",
    wrap: inBuckets((buckets) => {
      let before: readonly OpenWriter[] = [];
      return bothWriters(buckets, (writers) => {
        const named = new Map([...before, ...writers].map((writer) => [writer.id, writer]));
        before = writers;
        return [...named.values()];
      });
    }),
  },
  askedAs("a bucket's own limit is ignored", "read-limits", (request) => ({
    ...request,
    from: request.from.map((position) => ({ ...position, limit: request.limit })),
  })),
  askedAs("the limit of all buckets is ignored", "read-limits", (request) => ({ ...request, limit: 1_000 })),
  {
    fault: "failed events are read",
    killedBy: "outbox.buckets.read-pending-only",
    wrap: inBuckets((buckets, base) =>
      bothReads(buckets, async (request) => {
        const failed = base.all().filter(({ status }) => status === "failed");
        return [...failed.map((event) => ({ event, isDue: true })), ...(await buckets.read(request)).rows];
      }),
    ),
  },
  {
    fault: "completed events are read",
    killedBy: "outbox.buckets.read-pending-only",
    wrap: inBuckets((buckets, base) =>
      bothReads(buckets, async (request) => {
        const completed = base.all().filter(({ status }) => status === "completed");
        return [...completed.map((event) => ({ event, isDue: true })), ...(await buckets.read(request)).rows];
      }),
    ),
  },
  rowsAs("events that back off are not read", "read-not-due", (rows) => rows.filter(({ isDue }) => isDue)),
  rowsAs("every event is called due", "read-not-due", (rows) => rows.map((row) => ({ ...row, isDue: true }))),
  rowsAs("a lease on a single row is ignored", "read-leased", (rows) =>
    rows.map((row) => ({ ...row, isDue: row.isDue || row.event.lease !== null })),
  ),
  rowsAs("an event under a lease is not read", "read-leased", (rows) =>
    rows.filter(({ event, isDue }) => isDue || event.lease === null),
  ),
  rowsAs("an event that has ever backed off is never due again", "read-not-due", (rows) =>
    rows.map((row) => ({ ...row, isDue: row.event.nextAttemptAt === null })),
  ),
  {
    fault: "reading takes a lease",
    killedBy: "outbox.buckets.read-changes-nothing",
    wrap: inBuckets((buckets, base) => ({
      async read(request) {
        const reading = await buckets.read(request);
        for (const { event } of reading.rows)
          await base.lock(event.id, { token: event.id, workerId: "reader", leaseMs: 60_000 });
        return reading;
      },
    })),
  },
  {
    fault: "peeking fetches the whole event",
    killedBy: "outbox.buckets.peek-fields",
    wrap: inBuckets((buckets) => ({
      async peek(request) {
        const { rows, writers } = await buckets.read(request);
        return { rows: rows.map(({ event, isDue }) => ({ ...event, isDue })), writers };
      },
    })),
  },
  {
    fault: "peeking knows nothing of starts",
    killedBy: "outbox.buckets.peek-fields",
    wrap: inBuckets((buckets) => ({
      async peek(request) {
        const { rows, writers } = await buckets.peek(request);
        return { rows: rows.map((row) => ({ ...row, startedAttempts: 0 })), writers };
      },
    })),
  },
  askedAs("events in hand are read again", "read-except-seqs", (request) => ({ ...request, exceptSeqs: [] })),
  exceptedLate("events in hand count for the limits", "read-except-seqs", { exceptSeqs: [] }, (event, { exceptSeqs }) =>
    exceptSeqs.includes(event.seq),
  ),
  askedAs("keys that wait are read", "read-except-keys", (request) => ({ ...request, exceptKeys: [] })),
  askedAs("only the first key that waits is left out", "read-except-keys", (request) => ({
    ...request,
    exceptKeys: request.exceptKeys.slice(0, 1),
  })),
  exceptedLate(
    "events of keys that wait count for the limits",
    "read-except-keys",
    { exceptKeys: [] },
    (event, { exceptKeys }) => exceptKeys.includes(event.partitionKey),
  ),
  {
    fault: "a head that backs off is called due",
    killedBy: "outbox.buckets.head-states",
    wrap: inBuckets((buckets) => ({
      headStates: async (seqs) =>
        (await buckets.headStates(seqs)).map((head) =>
          head.state === "backingOff" ? { ...head, state: "due" } : head,
        ),
    })),
  },
  {
    fault: "a failed head is not told",
    killedBy: "outbox.buckets.head-states",
    wrap: inBuckets((buckets) => ({
      headStates: async (seqs) => (await buckets.headStates(seqs)).filter(({ state }) => state !== "failed"),
    })),
  },
  {
    fault: "the states of all events are told",
    killedBy: "outbox.buckets.head-states",
    wrap: inBuckets((buckets, base) => ({ headStates: () => buckets.headStates(base.all().map(({ seq }) => seq)) })),
  },
  {
    fault: "an event that is gone is called due",
    killedBy: "outbox.buckets.head-states-deleted",
    wrap: inBuckets((buckets) => ({
      async headStates(seqs) {
        const known = await buckets.headStates(seqs);
        return seqs.map((seq) => known.find((head) => head.seq === seq) ?? { seq, state: "due" });
      },
    })),
  },
  {
    fault: "a completed event is called due",
    killedBy: "outbox.buckets.head-states-kept",
    wrap: inBuckets((buckets, base) => ({
      async headStates(seqs) {
        const completed = base.all().filter(({ seq, status }) => status === "completed" && seqs.includes(seq));
        const told = completed.map(({ seq }) => ({ seq, state: "due" }) as const);
        return [...told, ...(await buckets.headStates(seqs))];
      },
    })),
  },
  {
    fault: "the latest failed event of each key is told",
    killedBy: "outbox.buckets.failed-heads",
    wrap: inBuckets((_buckets, base) => ({
      async failedHeads(asked) {
        const failed = base.all().filter(({ status, bucket }) => status === "failed" && asked.includes(bucket));
        return [...new Map(failed.map((event) => [event.partitionKey, headOf(event)])).values()];
      },
    })),
  },
  {
    fault: "every failed event is told",
    killedBy: "outbox.buckets.failed-heads",
    wrap: inBuckets((_buckets, base) => ({
      failedHeads: async (asked) =>
        base
          .all()
          .flatMap((event) => (event.status === "failed" && asked.includes(event.bucket) ? [headOf(event)] : [])),
    })),
  },
  {
    fault: "one failed event of each bucket is told",
    killedBy: "outbox.buckets.failed-heads",
    wrap: inBuckets((buckets) => ({
      async failedHeads(asked) {
        const heads = await buckets.failedHeads(asked);
        return heads.filter(({ bucket }, index) => heads.findIndex((head) => head.bucket === bucket) === index);
      },
    })),
  },
  {
    fault: "failed events of all buckets are told",
    killedBy: "outbox.buckets.failed-heads",
    wrap: inBuckets((buckets) => ({
      failedHeads: () => buckets.failedHeads(Array.from({ length: 64 }, (_, bucket) => bucket)),
    })),
  },
  {
    fault: "events that back off are told as failed",
    killedBy: "outbox.buckets.failed-heads-only",
    wrap: inBuckets((_buckets, base) => ({
      failedHeads: async () => base.all().flatMap((event) => (event.attemptsMade > 0 ? [headOf(event)] : [])),
    })),
  },
];

function headOf({ bucket, partitionKey, seq }: OutboxEvent) {
  return { bucket, partitionKey, seq };
}

function bySeq(a: BucketRow<OutboxEvent>, b: BucketRow<OutboxEvent>): number {
  return a.event.seq < b.event.seq ? -1 : 1;
}

function rowsAs(fault: string, killer: string, change: (rows: Rows) => Rows): OutboxMutant {
  const wrap = inBuckets((buckets) =>
    bothReads(buckets, async (request) => change((await buckets.read(request)).rows)),
  );
  return { fault, killedBy: `outbox.buckets.${killer}`, wrap };
}

function askedAs(
  fault: string,
  killer: string,
  change: (request: BucketReadRequest) => BucketReadRequest,
): OutboxMutant {
  const wrap = inBuckets((buckets) =>
    bothReads(buckets, async (request) => (await buckets.read(change(request))).rows),
  );
  return { fault, killedBy: `outbox.buckets.${killer}`, wrap };
}

/** What is to be left out is left out of what the limits have let through. */
function exceptedLate(
  fault: string,
  killer: string,
  without: Partial<BucketReadRequest>,
  isExcepted: (event: OutboxEvent, request: BucketReadRequest) => boolean,
): OutboxMutant {
  const wrap = inBuckets((buckets) =>
    bothReads(buckets, async (request) =>
      (await buckets.read({ ...request, ...without })).rows.filter(({ event }) => !isExcepted(event, request)),
    ),
  );
  return { fault, killedBy: `outbox.buckets.${killer}`, wrap };
}
