import type { BucketFence, BucketOperations, EventRef, OutboxEvent, OutcomeReceipt } from "@omni-box/core";
import type { MemoryOutboxRepository } from "@omni-box/core/testing";
import type { OutboxMutant } from "./outbox-mutant.js";

export type MemoryBuckets = BucketOperations<OutboxEvent>;

/** Who has each bucket at present, as the answers to `acquire` tell it. */
export type Holders = ReadonlyMap<number, { readonly owner: string; readonly epoch: bigint }>;

const holdersOf = new WeakMap<MemoryOutboxRepository, Map<number, { owner: string; epoch: bigint }>>();

/** The buckets of a repository in memory. */
export function bucketsOf({ buckets }: MemoryOutboxRepository): MemoryBuckets {
  if (buckets === undefined) throw new Error("the repository has no buckets");
  return buckets;
}

/** A fault in what the buckets offer. */
export function inBuckets(
  change: (buckets: MemoryBuckets, base: MemoryOutboxRepository) => Partial<MemoryBuckets>,
): OutboxMutant["wrap"] {
  return (base) => ({ ...base, buckets: { ...bucketsOf(base), ...change(bucketsOf(base), base) } });
}

/** A fault that needs to know who has each bucket, in the buckets or in the outcomes. */
export function knowingHolders(
  change: (
    holders: Holders,
    base: MemoryOutboxRepository,
    buckets: MemoryBuckets,
  ) => Partial<MemoryOutboxRepository> & { readonly inBuckets?: Partial<MemoryBuckets> },
): OutboxMutant["wrap"] {
  return (base) => {
    const holders = holdersOf.get(base) ?? new Map<number, { owner: string; epoch: bigint }>();
    holdersOf.set(base, holders);
    const buckets: MemoryBuckets = {
      ...bucketsOf(base),
      async acquire(request) {
        const acquired = await bucketsOf(base).acquire(request);
        for (const { bucket, epoch } of acquired) holders.set(bucket, { owner: request.owner, epoch });
        return acquired;
      },
    };
    const { inBuckets: changed = {}, ...rest } = change(holders, base, buckets);
    return { ...base, ...rest, buckets: { ...buckets, ...changed } };
  };
}

/** What a broken check makes of a fence: for the buckets for which `passes` says so, the fence of whoever has them now. */
export function loosened(
  fence: BucketFence,
  holders: Holders,
  passes: (bucket: number, holder: { readonly owner: string; readonly epoch: bigint }) => boolean,
): BucketFence[] {
  return [...holders].map(([bucket, holder]) => {
    const { owner, epoch } = holder;
    const epochs = new Map(passes(bucket, holder) ? [[bucket, epoch] as const] : []);
    return epochs.size > 0 ? { kind: "buckets", owner, epochs } : { ...fence, epochs: ownPart(fence, bucket) };
  });
}

/** Records the rows bucket by bucket, each under the fence that `loosened` gives for it. */
export async function recordLoosely<Row extends EventRef>(
  base: MemoryOutboxRepository,
  fences: readonly BucketFence[],
  rows: readonly Row[],
  record: (fence: BucketFence, rows: readonly Row[]) => Promise<OutcomeReceipt>,
): Promise<OutcomeReceipt> {
  const bucketOf = new Map(base.all().map(({ seq, bucket }) => [seq, bucket]));
  const receipts = await Promise.all(
    fences.map((fence) =>
      record(
        fence,
        rows.filter(({ seq }) => fence.epochs.has(bucketOf.get(seq) ?? -1)),
      ),
    ),
  );
  return { missing: receipts.flatMap(({ missing }) => missing) };
}

function ownPart({ epochs }: BucketFence, bucket: number): BucketFence["epochs"] {
  return new Map([...epochs].filter(([named]) => named === bucket));
}
