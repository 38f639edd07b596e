import type { BucketFence, EventRef, Fence, OutcomeReceipt } from "@omni-box/core";
import type { MemoryOutboxRepository } from "@omni-box/core/testing";
import { bucketsOf, type Holders, loosened } from "./bucket-mutant.js";

/** How a broken check of the fence comes to the fences that it lets pass. */
export type Loosen = (fence: BucketFence, holders: Holders) => readonly BucketFence[];

export const ignoringAll: Loosen = (fence, holders) => loosened(fence, holders, () => true);
export const ignoringEpoch: Loosen = (fence, holders) =>
  loosened(fence, holders, (_bucket, { owner }) => owner === fence.owner);
export const ignoringOwner: Loosen = (fence, holders) =>
  loosened(fence, holders, (bucket, { epoch }) => fence.epochs.get(bucket) === epoch);

/** What changes events under a bucket fence. */
export const writes = ["completed", "pending", "failed", "started"] as const;

/** Which write a fault is in. */
export type Write = (typeof writes)[number];
export type Recording = <Row extends EventRef>(
  fence: BucketFence,
  rows: readonly Row[],
  record: (fence: BucketFence, rows: readonly Row[]) => Promise<OutcomeReceipt>,
) => Promise<OutcomeReceipt>;

/** Puts `through` around one of the writes under a bucket fence. */
export function around(write: Write, base: MemoryOutboxRepository, through: Recording) {
  const guarded =
    <Row extends EventRef>(record: (fence: Fence, rows: readonly Row[]) => Promise<OutcomeReceipt>) =>
    (fence: Fence, rows: readonly Row[]) =>
      fence.kind === "lease" ? record(fence, rows) : through(fence, rows, record);
  if (write === "completed") return { recordCompleted: guarded(base.recordCompleted) };
  if (write === "pending") return { recordPending: guarded(base.recordPending) };
  if (write === "failed") return { recordFailed: guarded(base.recordFailed) };
  return {
    inBuckets: {
      recordStarted: (fence: BucketFence, row: EventRef, starts: number) =>
        through(fence, [row], async (given, rows) => {
          const receipts = await Promise.all(rows.map((one) => bucketsOf(base).recordStarted(given, one, starts)));
          return { missing: receipts.flatMap(({ missing }) => missing) };
        }),
    },
  };
}

/** Whether every bucket of the fence has its owner and epoch at present. */
export function isHeldByAll({ owner, epochs }: BucketFence, holders: Holders): boolean {
  return [...epochs].every(([bucket, epoch]) => {
    const holder = holders.get(bucket);
    return holder?.owner === owner && holder.epoch === epoch;
  });
}
