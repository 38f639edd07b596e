import type { BucketFence, BucketOperations, InboxEvent, InboxEventRepository } from "@omni-box/core";
import type { MemoryInboxRepository, MemoryTransaction } from "@omni-box/core/testing";
import { type InboxMutant, inTransaction } from "./inbox-mutant.js";

type GroupBuckets = BucketOperations<InboxEvent>;

/** Who acquired each bucket last, whichever group it is of. */
const holdersOf = new WeakMap<MemoryInboxRepository, Map<string, BucketFence>>();

const keyOf = (consumerGroup: string, bucket: number) => `${consumerGroup}/${bucket}`;

function bucketsOf(base: MemoryInboxRepository, consumerGroup: string): GroupBuckets {
  const buckets = base.bucketsOf?.(consumerGroup);
  if (buckets === undefined) throw new Error("the repository has no buckets");
  return buckets;
}

/** A fault in what the buckets of a group offer. */
function inGroups(
  change: (buckets: GroupBuckets, consumerGroup: string, base: MemoryInboxRepository) => Partial<GroupBuckets>,
): InboxMutant["wrap"] {
  return (base) => ({
    ...base,
    bucketsOf(consumerGroup: string): GroupBuckets {
      const buckets = bucketsOf(base, consumerGroup);
      return { ...buckets, ...change(buckets, consumerGroup, base) };
    },
  });
}

/** A fault in what is written, by a repository that knows who has each bucket. */
function knowingHolders(
  change: (base: MemoryInboxRepository, holderOf: (seq: bigint) => BucketFence | undefined) => InboxMutant["wrap"],
): InboxMutant["wrap"] {
  return (base) => {
    const holders = holdersOf.get(base) ?? new Map<string, BucketFence>();
    holdersOf.set(base, holders);
    const noting = inGroups((buckets, consumerGroup) => ({
      async acquire(request) {
        const acquired = await buckets.acquire(request);
        for (const { bucket, epoch } of acquired) {
          const fence = { kind: "buckets", owner: request.owner, epochs: new Map([[bucket, epoch]]) } as const;
          holders.set(keyOf(consumerGroup, bucket), fence);
        }
        return acquired;
      },
    }));
    const holderOf = (seq: bigint) => {
      const event = base.all().find((stored) => stored.seq === seq);
      return event && holders.get(keyOf(event.consumerGroup, event.bucket));
    };
    const broken = change(base, holderOf)(base);
    return { ...broken, ...pickBuckets(noting(base)) };
  };
}

function pickBuckets({ bucketsOf: given }: InboxEventRepository<MemoryTransaction>) {
  return given === undefined ? {} : { bucketsOf: given };
}

/** Faults of the buckets of consumer groups, and of what is written under their fences. */
export const groupMutants: readonly InboxMutant[] = [
  {
    fault: "all groups share one set of buckets",
    killedBy: "inbox.buckets.groups-owned-apart",
    wrap: inGroups((_buckets, _group, base) => {
      const { renew, survey, acquire, release, leave } = bucketsOf(base, "shared");
      return { renew, survey, acquire, release, leave };
    }),
  },
  {
    fault: "the workers of all groups are counted together",
    killedBy: "inbox.buckets.groups-owned-apart",
    wrap: inGroups((buckets, group, base) => ({
      async survey(graceMs) {
        const other = await bucketsOf(base, group === "billing" ? "shipping" : "billing").survey(graceMs);
        const own = await buckets.survey(graceMs);
        return { ...own, workers: [...own.workers, ...other.workers] };
      },
    })),
  },
  {
    fault: "a read gives events of other groups",
    killedBy: "inbox.buckets.groups-read-apart",
    wrap: inGroups((buckets, group, base) => ({
      async read(request) {
        const { rows, writers } = await buckets.read(request);
        const other = await bucketsOf(base, group === "billing" ? "shipping" : "billing").read(request);
        return { rows: [...rows, ...other.rows], writers };
      },
    })),
  },
  {
    fault: "failed events of other groups block keys",
    killedBy: "inbox.buckets.groups-read-apart",
    wrap: inGroups((buckets, group, base) => ({
      failedHeads: async (wanted) => [
        ...(await buckets.failedHeads(wanted)),
        ...(await bucketsOf(base, group === "billing" ? "shipping" : "billing").failedHeads(wanted)),
      ],
    })),
  },
  {
    fault: "a fence is good for the same bucket of any group",
    killedBy: "inbox.buckets.groups-written-apart",
    wrap: knowingHolders((_base, holderOf) =>
      inTransaction((tx) => ({
        complete: (fence, row) => tx.complete(fence.kind === "lease" ? fence : (holderOf(row.seq) ?? fence), row),
      })),
    ),
  },
  {
    fault: "complete does not look at owner and epoch",
    killedBy: "inbox.buckets.complete-stale-taken-over",
    wrap: knowingHolders((_base, holderOf) =>
      inTransaction((tx) => ({
        complete: (fence, row) => tx.complete(fence.kind === "lease" ? fence : (holderOf(row.seq) ?? fence), row),
      })),
    ),
  },
  {
    fault: "complete does not look at the buckets that the fence names",
    killedBy: "inbox.buckets.complete-stale-other-bucket",
    wrap: knowingHolders((_base, holderOf) =>
      inTransaction((tx) => ({
        complete: (fence, row) => tx.complete(fence.kind === "lease" ? fence : (holderOf(row.seq) ?? fence), row),
      })),
    ),
  },
  {
    fault: "complete looks at the fence and takes no lock",
    killedBy: "inbox.buckets.complete-locks",
    wrap: inTransaction((tx, base) => ({
      async complete(fence, row) {
        if (fence.kind === "lease") return tx.complete(fence, row);
        const { missing } = await base.recordStarted(fence, row, 0);
        const isPending = base.all().some(({ seq, status }) => seq === row.seq && status === "pending");
        if (missing.length > 0 || !isPending) return false;
        tx.client.onCommit(() => void base.recordCompleted(fence, [row]));
        return true;
      },
    })),
  },
  {
    fault: "a start is counted whoever has the bucket",
    killedBy: "inbox.buckets.start-counted",
    wrap: (base) => ({
      ...base,
      async recordStarted(fence, row, startedAttempts) {
        if (fence.kind === "lease") return base.recordStarted(fence, row, startedAttempts);
        const owner = "mutant";
        const buckets = bucketsOf(base, "shipping");
        const acquired = await buckets.acquire({ owner, limit: 32_767, leaseMs: 1_000, graceMs: 0 });
        const epochs = new Map(acquired.map(({ bucket, epoch }) => [bucket, epoch]));
        const { missing } = await base.recordStarted(fence, row, startedAttempts);
        return missing.length === 0
          ? { missing }
          : base.recordStarted({ ...fence, owner, epochs }, row, startedAttempts);
      },
    }),
  },
];
