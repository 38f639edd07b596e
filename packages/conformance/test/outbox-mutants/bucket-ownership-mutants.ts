import type { AcquiredBucket, BucketFence } from "@omni-box/core";
import { inBuckets, knowingHolders, loosened, type MemoryBuckets } from "./bucket-mutant.js";
import type { OutboxMutant } from "./outbox-mutant.js";

/** More buckets than there are. */
const all = 32_767;
/** So long ago that every lease is over. */
const longAgoMs = -1_000_000_000;

/** The acquisition that is going on; what others ask meanwhile is answered with it too. */
const underway = new WeakMap<MemoryBuckets, Promise<readonly AcquiredBucket[]>>();

/** Faults of acquiring, keeping and giving up buckets. */
export const bucketOwnershipMutants: readonly OutboxMutant[] = [
  {
    fault: "the highest free bucket is acquired first",
    killedBy: "outbox.buckets.acquire-lowest",
    wrap: inBuckets((buckets) => ({
      async acquire(request) {
        const acquired = await buckets.acquire({ ...request, limit: all });
        const others = acquired.slice(0, -request.limit);
        await buckets.release({ kind: "buckets", owner: request.owner, epochs: epochsOf(others) });
        return acquired.slice(-request.limit);
      },
    })),
  },
  {
    fault: "one bucket more than the limit is acquired",
    killedBy: "outbox.buckets.acquire-lowest",
    wrap: inBuckets((buckets) => ({ acquire: (request) => buckets.acquire({ ...request, limit: request.limit + 1 }) })),
  },
  {
    fault: "a bucket in lease is acquired",
    killedBy: "outbox.buckets.acquire-leased",
    wrap: inBuckets((buckets) => ({ acquire: (request) => buckets.acquire({ ...request, graceMs: longAgoMs }) })),
  },
  {
    fault: "an owner gets its own buckets again while it has them",
    killedBy: "outbox.buckets.acquire-leased",
    wrap: knowingHolders((holders, _base, buckets) => ({
      inBuckets: {
        async acquire(request) {
          const own = [...holders].filter(([, { owner }]) => owner === request.owner);
          const again = own.map(([bucket, { epoch }]) => ({ bucket, epoch, uncleanTakeovers: 0 }));
          return [...again, ...(await buckets.acquire(request))].slice(0, request.limit);
        },
      },
    })),
  },
  {
    fault: "the epoch stays when the same owner acquires the bucket again",
    killedBy: "outbox.buckets.acquire-epoch",
    wrap: knowingHolders((holders, _base, buckets) => ({
      inBuckets: {
        async acquire(request) {
          const before = new Map(holders);
          const acquired = await buckets.acquire(request);
          return acquired.map((given) => {
            const former = before.get(given.bucket);
            return former?.owner === request.owner ? { ...given, epoch: former.epoch } : given;
          });
        },
      },
    })),
  },
  {
    fault: "every owner begins with the same epoch",
    killedBy: "outbox.buckets.acquire-epoch",
    wrap: acquiredAs((given) => ({ ...given, epoch: 1n })),
  },
  {
    fault: "a take-over does not wait for the grace",
    killedBy: "outbox.buckets.acquire-grace",
    wrap: inBuckets((buckets) => ({ acquire: (request) => buckets.acquire({ ...request, graceMs: 0 }) })),
  },
  {
    fault: "a take-over waits for much longer than the grace",
    killedBy: "outbox.buckets.acquire-grace",
    wrap: inBuckets((buckets) => ({
      acquire: (request) => buckets.acquire({ ...request, graceMs: request.graceMs * 3 }),
    })),
  },
  {
    fault: "free buckets are looked for and taken in two steps, so that two may take the same",
    killedBy: "outbox.buckets.acquire-parallel",
    wrap: inBuckets((buckets) => ({
      acquire(request) {
        const shared = underway.get(buckets) ?? buckets.acquire(request).finally(() => underway.delete(buckets));
        underway.set(buckets, shared);
        return shared;
      },
    })),
  },
  {
    fault: "unclean take-overs are not counted",
    killedBy: "outbox.buckets.unclean-counted",
    wrap: acquiredAs((given) => ({ ...given, uncleanTakeovers: 0 })),
  },
  {
    fault: "only the last unclean take-over is remembered",
    killedBy: "outbox.buckets.unclean-counted",
    wrap: acquiredAs((given) => ({ ...given, uncleanTakeovers: Math.min(1, given.uncleanTakeovers) })),
  },
  {
    fault: "an acquisition after a release counts as a take-over",
    killedBy: "outbox.buckets.unclean-counted",
    wrap: acquiredAs((given) => ({ ...given, uncleanTakeovers: Number(given.epoch) - 1 })),
  },
  {
    fault: "an owner that acquires its own bucket again counts as dead",
    killedBy: "outbox.buckets.unclean-own",
    wrap: knowingHolders((holders, _base, buckets) => ({
      inBuckets: {
        async acquire(request) {
          const before = new Map(holders);
          const acquired = await buckets.acquire(request);
          return acquired.map((given) => {
            const isOwn = before.get(given.bucket)?.owner === request.owner;
            return isOwn ? { ...given, uncleanTakeovers: given.uncleanTakeovers + 1 } : given;
          });
        },
      },
    })),
  },
  {
    fault: "a release marks its buckets clean",
    killedBy: "outbox.buckets.unclean-counted",
    wrap: inBuckets((buckets) => ({
      async release(fence) {
        await buckets.markClean(fence);
        return buckets.release(fence);
      },
    })),
  },
  {
    fault: "marking a bucket clean has no effect",
    killedBy: "outbox.buckets.unclean-counted",
    wrap: inBuckets(() => ({ markClean: async () => [] })),
  },
  {
    fault: "a bucket that was marked clean is said to have been passed over",
    killedBy: "outbox.buckets.unclean-counted",
    wrap: inBuckets((buckets) => ({ markClean: saying((fence) => buckets.markClean(fence)) })),
  },
  {
    fault: "a bucket is marked clean by whoever names it",
    killedBy: "outbox.buckets.unclean-fenced",
    wrap: knowingHolders((holders, _base, buckets) => ({
      inBuckets: {
        async markClean(fence) {
          for (const part of loosened(fence, holders, (bucket) => fence.epochs.has(bucket))) {
            await buckets.markClean(part);
          }
          return [];
        },
      },
    })),
  },
  {
    fault: "all buckets of the owner are marked clean",
    killedBy: "outbox.buckets.unclean-fenced",
    wrap: knowingHolders((holders, _base, buckets) => ({
      inBuckets: { markClean: (fence) => buckets.markClean(allOf(fence, holders)) },
    })),
  },
  {
    fault: "a survey leaves out the workers that own nothing",
    killedBy: "outbox.buckets.survey-counts",
    wrap: inBuckets((buckets) => ({
      async survey(graceMs) {
        const survey = await buckets.survey(graceMs);
        return { ...survey, workers: survey.workers.filter(({ owned }) => owned > 0) };
      },
    })),
  },
  {
    fault: "a survey counts every bucket as free",
    killedBy: "outbox.buckets.survey-counts",
    wrap: inBuckets((buckets) => ({
      async survey(graceMs) {
        const survey = await buckets.survey(graceMs);
        return { ...survey, free: survey.bucketCount };
      },
    })),
  },
  {
    fault: "a survey knows nothing of the grace",
    killedBy: "outbox.buckets.acquire-grace",
    wrap: inBuckets((buckets) => ({ survey: () => buckets.survey(0) })),
  },
  {
    fault: "a survey counts the dead among the living",
    killedBy: "outbox.buckets.survey-dead",
    wrap: inBuckets((buckets) => {
      const seen = new Set<string>();
      return {
        renew(fence, leaseMs) {
          seen.add(fence.owner);
          return buckets.renew(fence, leaseMs);
        },
        async survey(graceMs) {
          const survey = await buckets.survey(graceMs);
          const owned = new Map(survey.workers.map((worker) => [worker.id, worker.owned]));
          return { ...survey, workers: [...seen].map((id) => ({ id, owned: owned.get(id) ?? 0 })) };
        },
      };
    }),
  },
  {
    fault: "a renewal extends nothing",
    killedBy: "outbox.buckets.renew-keeps",
    wrap: inBuckets((buckets) => ({ renew: (fence) => buckets.renew(fence, 0) })),
  },
  {
    fault: "a renewal extends all buckets of the owner",
    killedBy: "outbox.buckets.renew-keeps",
    wrap: knowingHolders((holders, _base, buckets) => ({
      inBuckets: {
        async renew(fence, leaseMs) {
          const { held, passedOver } = await buckets.renew(allOf(fence, holders), leaseMs);
          return { held: held.filter((bucket) => fence.epochs.has(bucket)), passedOver };
        },
      },
    })),
  },
  {
    fault: "a renewal answers what it was asked",
    killedBy: "outbox.buckets.renew-held",
    wrap: inBuckets((buckets) => ({
      async renew(fence, leaseMs) {
        const { passedOver } = await buckets.renew(fence, leaseMs);
        return { held: [...fence.epochs.keys()], passedOver };
      },
    })),
  },
  {
    fault: "a renewal does not look at the epoch",
    killedBy: "outbox.buckets.renew-held",
    wrap: knowingHolders((holders, _base, buckets) => ({
      inBuckets: {
        async renew(fence, leaseMs) {
          const { held, passedOver } = await buckets.renew(allOf(fence, holders), leaseMs);
          return { held: held.filter((bucket) => fence.epochs.has(bucket)), passedOver };
        },
      },
    })),
  },
  {
    fault: "a lease that ran out cannot be renewed, although nobody took over",
    killedBy: "outbox.buckets.renew-revives",
    wrap: inBuckets((buckets) => ({
      renew: async (fence, leaseMs) =>
        (await buckets.survey(0)).free > 0 ? { held: [], passedOver: [] } : buckets.renew(fence, leaseMs),
    })),
  },
  {
    fault: "a released bucket stays its owner's until the lease is over",
    killedBy: "outbox.buckets.release-frees",
    wrap: inBuckets(() => ({ release: async () => [] })),
  },
  {
    fault: "a release gives up all buckets of the owner",
    killedBy: "outbox.buckets.release-frees",
    wrap: knowingHolders((holders, _base, buckets) => ({
      inBuckets: { release: (fence) => buckets.release(allOf(fence, holders)) },
    })),
  },
  {
    fault: "a released bucket is said to have been passed over",
    killedBy: "outbox.buckets.release-frees",
    wrap: inBuckets((buckets) => ({ release: saying((fence) => buckets.release(fence)) })),
  },
  {
    fault: "a release does not look at the owner",
    killedBy: "outbox.buckets.release-another-owner",
    wrap: knowingHolders((holders, _base, buckets) => ({
      inBuckets: {
        async release(fence) {
          const isNamed = (bucket: number, { epoch }: { readonly epoch: bigint }) => fence.epochs.get(bucket) === epoch;
          for (const part of loosened(fence, holders, isNamed)) await buckets.release(part);
          return [];
        },
      },
    })),
  },
  {
    fault: "a release does not look at the epoch",
    killedBy: "outbox.buckets.release-old-epoch",
    wrap: knowingHolders((holders, _base, buckets) => ({
      inBuckets: { release: (fence) => buckets.release(allOf(fence, holders)) },
    })),
  },
  {
    fault: "a worker that left is still counted",
    killedBy: "outbox.buckets.leave",
    wrap: inBuckets(() => ({ leave: async () => undefined })),
  },
  {
    fault: "leaving gives up the buckets, whatever is in flight",
    killedBy: "outbox.buckets.leave",
    wrap: knowingHolders((holders, _base, buckets) => ({
      inBuckets: {
        async leave(owner) {
          await buckets.leave(owner);
          await buckets.release(allOf({ kind: "buckets", owner, epochs: new Map() }, holders));
        },
      },
    })),
  },
];

/** Does its work, and says that nothing was done. */
function saying(change: (fence: BucketFence) => Promise<unknown>) {
  return async (fence: BucketFence) => {
    await change(fence);
    return [...fence.epochs.keys()];
  };
}

function acquiredAs(change: (acquired: AcquiredBucket) => AcquiredBucket): OutboxMutant["wrap"] {
  return inBuckets((buckets) => ({ acquire: async (request) => (await buckets.acquire(request)).map(change) }));
}

/** A fence for everything that the owner of the given one has. */
function allOf({ kind, owner }: BucketFence, holders: Parameters<typeof loosened>[1]): BucketFence {
  const own = [...holders].filter(([, holder]) => holder.owner === owner);
  return { kind, owner, epochs: new Map(own.map(([bucket, { epoch }]) => [bucket, epoch])) };
}

function epochsOf(acquired: readonly AcquiredBucket[]): BucketFence["epochs"] {
  return new Map(acquired.map(({ bucket, epoch }) => [bucket, epoch]));
}
