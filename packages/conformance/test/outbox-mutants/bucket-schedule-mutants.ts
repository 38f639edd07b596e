import { setImmediate as nextTurn } from "node:timers/promises";
import type { BucketFence, BucketRow, EndedSchedule, OutboxEvent } from "@omni-box/core";
import type { MemoryOutboxRepository } from "@omni-box/core/testing";
import { bothReads } from "./both-reads.js";
import { inBuckets, knowingHolders, type MemoryBuckets } from "./bucket-mutant.js";
import { ignoringAll, ignoringEpoch, ignoringOwner, type Loosen } from "./guarded-writes.js";
import type { OutboxMutant } from "./outbox-mutant.js";

type Ended = readonly EndedSchedule[];
type Rows = readonly BucketRow<OutboxEvent>[];

/** More events than any case adds. */
const all = 1_000;

/** Faults of ending schedules, and of reading events whose schedules have ended. */
export const bucketScheduleMutants: readonly OutboxMutant[] = [
  {
    fault: "scheduled events whose time has come are read before their schedule has ended",
    killedBy: "outbox.buckets.scheduled-apart",
    wrap: inBuckets((buckets, base) => ({
      async read(request) {
        const come = base.all().filter((event) => isScheduled(event) && hasCome(event));
        const { rows, writers } = await buckets.read(request);
        return { rows: [...rows, ...come.map((event) => ({ event, isDue: true }))], writers };
      },
    })),
  },
  alsoEnded("schedules are ended before their time", "in-time", (event) => isScheduled(event)),
  alsoEnded("events without a schedule are called ended", "in-time", ({ scheduledAt }) => scheduledAt === null),
  alsoEnded("schedules of failed events are ended", "settled", ({ status }) => status === "failed"),
  alsoEnded("schedules of completed events are ended", "settled", ({ status }) => status === "completed"),
  {
    fault: "a schedule that was ended is ended again",
    killedBy: "outbox.buckets.scheduled-in-time",
    wrap: inBuckets((buckets) => {
      const before: EndedSchedule[] = [];
      return {
        async endSchedules(fence, limit) {
          before.push(...(await buckets.endSchedules(fence, limit)));
          return [...before];
        },
      };
    }),
  },
  {
    fault: "schedules are called ended and are not",
    killedBy: "outbox.buckets.scheduled-order",
    wrap: inBuckets((_buckets, base) => ({
      endSchedules: async ({ epochs }) =>
        base
          .all()
          .filter((event) => epochs.has(event.bucket) && isScheduled(event) && hasCome(event))
          .map(endedOf),
    })),
  },
  {
    fault: "the bucket of an ended schedule is not told",
    killedBy: "outbox.buckets.scheduled-in-time",
    wrap: inBuckets((buckets) => ({
      endSchedules: async (fence, limit) =>
        (await buckets.endSchedules(fence, limit)).map(({ seq }) => ({ bucket: 0, seq })),
    })),
  },
  endedAs("the limit of schedules is ignored", "earliest", (fence, _limit, buckets) =>
    buckets.endSchedules(fence, all),
  ),
  endedAs("schedules are limited for each bucket alone", "earliest", (fence, limit, buckets) =>
    bucketByBucket(fence, buckets, () => limit),
  ),
  endedAs("schedules are ended in the order of seq", "earliest", async (fence, limit, buckets, base) => {
    const come = base.all().filter((event) => fence.epochs.has(event.bucket) && isScheduled(event) && hasCome(event));
    await buckets.endSchedules(fence, all);
    return come.slice(0, limit).map(endedOf);
  }),
  endedAs("schedules are ended bucket by bucket", "earliest", (fence, limit, buckets) =>
    bucketByBucket(fence, buckets, (ended) => limit - ended),
  ),
  endedAs("one bucket alone has its schedules ended", "earliest", ({ epochs, ...fence }, limit, buckets) =>
    buckets.endSchedules({ ...fence, epochs: new Map([...epochs].slice(0, 1)) }, limit),
  ),
  {
    fault: "schedules of other buckets of the owner are ended",
    killedBy: "outbox.buckets.scheduled-earliest",
    wrap: endedUnder(ignoringEpoch),
  },
  {
    fault: "schedules of events that back off are not ended",
    killedBy: "outbox.buckets.scheduled-order",
    wrap: inBuckets((buckets, base) => ({
      async endSchedules(fence, limit) {
        const backing = new Set(base.all().flatMap(({ seq, nextAttemptAt }) => (nextAttemptAt === null ? [] : [seq])));
        return (await buckets.endSchedules(fence, limit)).filter(({ seq }) => !backing.has(seq));
      },
    })),
  },
  {
    fault: "an event whose schedule has ended is read behind the others",
    killedBy: "outbox.buckets.scheduled-order",
    wrap: rememberingEnded((rows, hasEnded) => [
      ...rows.filter((row) => !hasEnded(row)),
      ...rows.filter((row) => hasEnded(row)),
    ]),
  },
  {
    fault: "an event whose schedule has ended is called due although it backs off",
    killedBy: "outbox.buckets.scheduled-order",
    wrap: rememberingEnded((rows, hasEnded) => rows.map((row) => ({ ...row, isDue: row.isDue || hasEnded(row) }))),
  },
  {
    fault: "an event whose schedule has ended is not read",
    killedBy: "outbox.buckets.scheduled-order",
    wrap: rememberingEnded((rows, hasEnded) => rows.filter((row) => !hasEnded(row))),
  },
  afterwards("the end of a schedule ends the backoff and takes attempts back", async (base, fence, events) => {
    const fresh = { attemptsMade: 0, startedAttempts: 0, delayMs: null, error: null };
    await base.recordPending(
      fence,
      events.map(({ id, seq }) => ({ ...fresh, id, seq })),
    );
  }),
  afterwards("the end of a schedule ends the lease", async (base, _fence, events) => {
    for (const { id } of events) await base.forceUnlock(id, "schedule ended");
  }),
  afterwards("the end of a schedule counts as a start", async (base, fence, events) => {
    for (const event of events) await base.buckets.recordStarted(fence, event, event.startedAttempts + 1);
  }),
  {
    fault: "schedules are chosen and ended in two steps",
    killedBy: "outbox.buckets.scheduled-together",
    wrap: inBuckets((buckets, base) => ({
      async endSchedules(fence, limit) {
        const chosen = base.all().filter((event) => isScheduled(event) && hasCome(event));
        await nextTurn();
        await buckets.endSchedules(fence, limit);
        return chosen.filter(({ bucket }) => fence.epochs.has(bucket)).map(endedOf);
      },
    })),
  },
  staleAs("schedules are ended without a look at the fence", "stale-taken-over", endedUnder(ignoringAll)),
  staleAs("schedules are ended without a look at the epoch", "stale-old-epoch", endedUnder(ignoringEpoch)),
  staleAs("schedules are ended without a look at the owner", "stale-other-owner", endedUnder(ignoringOwner)),
  staleAs("any bucket of the owner is taken for the event's own", "stale-other-bucket", endedUnder(ignoringEpoch)),
  staleAs(
    "schedules in a bucket that nobody has are called ended",
    "stale-released",
    inBuckets((_buckets, base) => ({
      endSchedules: async () =>
        base
          .all()
          .filter((event) => isScheduled(event) && hasCome(event))
          .map(endedOf),
    })),
  ),
  staleAs("schedules of a lost bucket are ended when another one is held", "partly-lost", endedUnder(ignoringAll)),
  staleAs(
    "schedules of a lost bucket count for the limit",
    "partly-lost",
    inBuckets((buckets, base) => ({
      async endSchedules(fence, limit) {
        const come = base.all().filter((event) => isScheduled(event) && hasCome(event));
        const earliest = come.sort((a, b) => timeOf(a) - timeOf(b)).slice(0, limit);
        const ended = await buckets.endSchedules(fence, limit);
        return ended.filter(({ seq }) => earliest.some((event) => event.seq === seq));
      },
    })),
  ),
  staleAs(
    "one lost bucket keeps the schedules of all from ending",
    "partly-lost",
    inBuckets((buckets) => ({
      async endSchedules(fence, limit) {
        const { held } = await buckets.renew(fence, 60_000);
        return held.length === fence.epochs.size ? buckets.endSchedules(fence, limit) : [];
      },
    })),
  ),
];

function timeOf({ scheduledAt }: OutboxEvent): number {
  return scheduledAt?.getTime() ?? Number.POSITIVE_INFINITY;
}

function isScheduled({ status, scheduledAt }: OutboxEvent): boolean {
  return status === "pending" && scheduledAt !== null;
}

/** By this machine's clock: for cases that let no time pass. */
function hasCome(event: OutboxEvent): boolean {
  return timeOf(event) <= Date.now();
}

function endedOf({ bucket, seq }: OutboxEvent): EndedSchedule {
  return { bucket, seq };
}

/** Events of the held buckets are named that have not ended. */
function alsoEnded(fault: string, killer: string, isNamed: (event: OutboxEvent) => boolean): OutboxMutant {
  return endedAs(fault, killer, async (fence, limit, buckets, base) => {
    const named = base.all().filter((event) => fence.epochs.has(event.bucket) && isNamed(event));
    return [...(await buckets.endSchedules(fence, limit)), ...named.map(endedOf)];
  });
}

function endedAs(
  fault: string,
  killer: string,
  endSchedules: (
    fence: BucketFence,
    limit: number,
    buckets: MemoryBuckets,
    base: MemoryOutboxRepository,
  ) => Promise<Ended>,
): OutboxMutant {
  const wrap = inBuckets((buckets, base) => ({
    endSchedules: (fence, limit) => endSchedules(fence, limit, buckets, base),
  }));
  return { fault, killedBy: `outbox.buckets.scheduled-${killer}`, wrap };
}

/** Asks for each bucket alone, for as many as `limit` says when so many have ended. */
async function bucketByBucket(
  { epochs, ...fence }: BucketFence,
  buckets: MemoryBuckets,
  limit: (ended: number) => number,
): Promise<Ended> {
  const ended: EndedSchedule[] = [];
  for (const held of epochs) {
    ended.push(...(await buckets.endSchedules({ ...fence, epochs: new Map([held]) }, limit(ended.length))));
  }
  return ended;
}

/** Schedules are ended under fences that a broken check lets pass. */
function endedUnder(loosen: Loosen): OutboxMutant["wrap"] {
  return knowingHolders((holders, _base, buckets) => ({
    inBuckets: {
      async endSchedules(fence, limit) {
        const ended = await Promise.all(loosen(fence, holders).map((loose) => buckets.endSchedules(loose, limit)));
        return ended.flat();
      },
    },
  }));
}

/** What is read is changed by which events had a schedule that has ended. */
function rememberingEnded(
  change: (rows: Rows, hasEnded: (row: BucketRow<OutboxEvent>) => boolean) => Rows,
): OutboxMutant["wrap"] {
  return inBuckets((buckets) => {
    const seqs = new Set<bigint>();
    const hasEnded = ({ event }: BucketRow<OutboxEvent>) => seqs.has(event.seq);
    return {
      async endSchedules(fence, limit) {
        const ended = await buckets.endSchedules(fence, limit);
        for (const { seq } of ended) seqs.add(seq);
        return ended;
      },
      ...bothReads(buckets, async (request) => change((await buckets.read(request)).rows, hasEnded)),
    };
  });
}

/** Something else happens to events whose schedule has ended. */
function afterwards(
  fault: string,
  happen: (base: MemoryOutboxRepository, fence: BucketFence, events: readonly OutboxEvent[]) => Promise<void>,
): OutboxMutant {
  return endedAs(fault, "unchanged", async (fence, limit, buckets, base) => {
    const ended = await buckets.endSchedules(fence, limit);
    const seqs = new Set(ended.map(({ seq }) => seq));
    await happen(
      base,
      fence,
      base.all().filter(({ seq }) => seqs.has(seq)),
    );
    return ended;
  });
}

function staleAs(fault: string, killer: string, wrap: OutboxMutant["wrap"]): OutboxMutant {
  return { fault, killedBy: `outbox.buckets.scheduled-${killer}`, wrap };
}
