import type { BucketFence, EventRef, OutcomeReceipt } from "@omni-box/core";
import { retried } from "./bucket-reads.js";
import type { BucketScenario } from "./bucket-scenario.js";

/** A write that a bucket fence must guard. */
export interface FencedWrite {
  readonly name: "completed" | "pending" | "failed" | "started";
  write(scenario: BucketScenario, fence: BucketFence, refs: readonly EventRef[]): Promise<OutcomeReceipt>;
}

/** Everything that changes events under a bucket fence. */
export const fencedWrites: readonly FencedWrite[] = [
  { name: "completed", write: ({ repository }, fence, refs) => repository.recordCompleted(fence, refs) },
  { name: "pending", write: ({ repository }, fence, refs) => repository.recordPending(fence, retried(refs)) },
  {
    name: "failed",
    write: ({ repository }, fence, refs) =>
      repository.recordFailed(
        fence,
        refs.map((ref) => ({ ...ref, attemptsMade: 4, error: "given up" })),
      ),
  },
  {
    name: "started",
    async write({ buckets }, fence, refs) {
      const receipts: OutcomeReceipt[] = [];
      for (const ref of refs) receipts.push(await buckets.recordStarted(fence, ref, 2));
      return { missing: receipts.flatMap(({ missing }) => missing) };
    },
  },
];
