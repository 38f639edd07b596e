import type { BucketReadRequest, BucketRow, OutboxEvent } from "@omni-box/core";
import type { MemoryBuckets } from "./bucket-mutant.js";

/** The same fault in `read` and in `peek`, so that comparing them does not find it. */
export function bothReads(
  read: (request: BucketReadRequest) => Promise<readonly BucketRow<OutboxEvent>[]>,
): Partial<MemoryBuckets> {
  return {
    read,
    peek: async (request) =>
      (await read(request)).map(
        ({ event: { id, seq, bucket, partitionKey, attemptsMade, startedAttempts }, isDue }) => {
          return { id, seq, bucket, partitionKey, attemptsMade, startedAttempts, isDue };
        },
      ),
  };
}
