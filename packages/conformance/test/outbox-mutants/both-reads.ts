import type { BucketReadRequest, BucketRow, OpenWriter, OutboxEvent } from "@omni-box/core";
import type { MemoryBuckets } from "./bucket-mutant.js";

type Rows = readonly BucketRow<OutboxEvent>[];

/** The same fault in the rows of `read` and of `peek`, so that comparing them does not find it. */
export function bothReads(
  buckets: MemoryBuckets,
  read: (request: BucketReadRequest) => Promise<Rows>,
): Partial<MemoryBuckets> {
  return {
    read: async (request) => ({ ...(await buckets.read(request)), rows: await read(request) }),
    peek: async (request) => ({
      ...(await buckets.peek(request)),
      rows: (await read(request)).map(
        ({ event: { id, seq, bucket, partitionKey, attemptsMade, startedAttempts }, isDue }) => {
          return { id, seq, bucket, partitionKey, attemptsMade, startedAttempts, isDue };
        },
      ),
    }),
  };
}

/** The same fault in the writers of both. */
export function bothWriters(
  buckets: MemoryBuckets,
  change: (writers: readonly OpenWriter[]) => readonly OpenWriter[],
): Partial<MemoryBuckets> {
  return {
    async read(request) {
      const { rows, writers } = await buckets.read(request);
      return { rows, writers: change(writers) };
    },
    async peek(request) {
      const { rows, writers } = await buckets.peek(request);
      return { rows, writers: change(writers) };
    },
  };
}
