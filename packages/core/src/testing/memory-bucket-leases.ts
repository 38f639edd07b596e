import type { AcquireRequest, BucketOperations } from "../protocols/bucket-operations.js";
import type { Clock } from "../protocols/clock.js";
import type { BucketOwner } from "../protocols/event-administration.js";
import type { BucketFence } from "../protocols/fence.js";

/** The methods of {@link BucketOperations} that are about ownership, not about events. */
type OwnershipMethods = Pick<
  BucketOperations<never>,
  "renew" | "survey" | "acquire" | "release" | "leave" | "markClean"
>;

/** Who owns which bucket of a repository in memory. */
export interface MemoryBucketLeases extends OwnershipMethods {
  /** Whether the bucket still has the owner and the epoch of the fence; how much is left of its lease is no part of it. */
  holds(fence: BucketFence, bucket: number): boolean;
  /** Who owns what, and how many buckets no living owner holds. */
  owners(): { readonly owners: readonly BucketOwner[]; readonly unowned: number };
  /** Keeps the bucket from being acquired, as a lock would, until what is returned is called. */
  lock(bucket: number): () => void;
}

interface BucketLease {
  owner: string | null;
  epoch: bigint;
  untilMs: number;
  uncleanTakeovers: number;
  locks: number;
}

/** Makes the ownership of `bucketCount` buckets that nobody owns yet; each method is one step that nothing comes between. */
export function createMemoryBucketLeases(clock: Clock, bucketCount: number): MemoryBucketLeases {
  const leases = Array.from(
    { length: bucketCount },
    (): BucketLease => ({ owner: null, epoch: 0n, untilMs: 0, uncleanTakeovers: 0, locks: 0 }),
  );
  /** Until when each worker is taken for living. */
  const workers = new Map<string, number>();

  const isFree = ({ owner, untilMs }: BucketLease, graceMs: number) =>
    owner === null || untilMs + graceMs <= clock.now();

  function heldUnder(fence: BucketFence): [number, BucketLease][] {
    return [...leases.entries()].filter(
      ([bucket, { owner, epoch }]) => owner === fence.owner && fence.epochs.get(bucket) === epoch,
    );
  }

  function forgetTheDead(): void {
    for (const [id, untilMs] of workers) if (untilMs <= clock.now()) workers.delete(id);
  }

  function acquireNow({ owner, leaseMs, graceMs, limit }: AcquireRequest) {
    const isToBeHad = (lease: BucketLease) => isFree(lease, graceMs) && lease.locks === 0;
    const free = [...leases.entries()].filter(([, lease]) => isToBeHad(lease)).slice(0, limit);
    return free.map(([bucket, lease]) => {
      if (lease.owner !== null && lease.owner !== owner) lease.uncleanTakeovers += 1;
      lease.owner = owner;
      lease.epoch += 1n;
      lease.untilMs = clock.now() + leaseMs;
      return Object.freeze({ bucket, epoch: lease.epoch, uncleanTakeovers: lease.uncleanTakeovers });
    });
  }

  return {
    holds({ owner, epochs }, bucket) {
      const lease = leases[bucket];
      return lease?.owner === owner && lease.epoch === epochs.get(bucket);
    },
    owners() {
      const owned = [...leases.entries()].filter(([, { owner }]) => owner !== null);
      const ids = new Set([...workers.keys(), ...owned.map(([, { owner }]) => owner ?? "")]);
      const owners = [...ids].sort().map((id): BucketOwner => {
        const own = owned.filter(([, { owner }]) => owner === id);
        const untilMs = Math.max(...own.map(([, lease]) => lease.untilMs), workers.get(id) ?? 0);
        return { id, buckets: own.map(([bucket]) => bucket), leaseRemainingMs: untilMs - clock.now() };
      });
      return { owners, unowned: leases.filter((lease) => isFree(lease, 0)).length };
    },
    lock(bucket) {
      const lease = leases[bucket];
      if (lease === undefined) return () => undefined;
      lease.locks += 1;
      return () => {
        lease.locks -= 1;
      };
    },

    async renew(fence, leaseMs) {
      forgetTheDead();
      workers.set(fence.owner, clock.now() + leaseMs);
      const held = heldUnder(fence).map(([bucket, lease]) => {
        lease.untilMs = clock.now() + leaseMs;
        return bucket;
      });
      return { held, passedOver: [] };
    },
    async survey(graceMs) {
      forgetTheDead();
      const taken = leases.filter((lease) => !isFree(lease, graceMs));
      const living = [...workers.keys()].map((id) => ({ id, owned: taken.filter(({ owner }) => owner === id).length }));
      return { workers: living, bucketCount, free: bucketCount - taken.length };
    },
    acquire: async (request) => acquireNow(request),
    async release(fence) {
      for (const [, lease] of heldUnder(fence)) lease.owner = null;
      return [];
    },
    async leave(owner) {
      workers.delete(owner);
    },
    async markClean(fence) {
      for (const [, lease] of heldUnder(fence)) lease.uncleanTakeovers = 0;
      return [];
    },
  };
}
