import type { BaseEvent } from "../events/outbox-event.js";
import type { BucketOperations } from "../protocols/bucket-operations.js";
import type { ParkedKeys } from "./parked-keys.js";

/** What is known of the keys that failed events hold back. */
export interface FailedKeys {
  /**
   * Asks which keys of these buckets have failed events, and parks them; with those of which the answer has not come before.
   *
   * To be called before pending events are read: one that is requeued between the two is then read, and not published late.
   */
  load(buckets: readonly number[]): Promise<void>;
  /** The bucket is not owned any more. */
  forget(bucket: number): void;
}

/** @param holdBack - whether a failed event holds the later ones of its key back; if not, nothing is ever asked */
export function createFailedKeys<E extends BaseEvent>(
  operations: Pick<BucketOperations<E>, "failedHeads">,
  parked: Pick<ParkedKeys, "parkFailed">,
  holdBack: boolean,
): FailedKeys {
  /** Not answered yet. */
  const unasked = new Set<number>();

  return {
    async load(buckets) {
      if (!holdBack) return;
      for (const bucket of buckets) unasked.add(bucket);
      if (unasked.size === 0) return;
      const asked = [...unasked];
      parked.parkFailed(await operations.failedHeads(asked));
      for (const bucket of asked) unasked.delete(bucket);
    },
    forget: (bucket) => void unasked.delete(bucket),
  };
}
