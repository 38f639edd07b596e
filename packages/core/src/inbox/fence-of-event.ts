import type { InboxEvent } from "../events/inbox-event.js";
import type { Fence } from "../protocols/fence.js";

/** What of a batch's fence concerns one event: a transaction that holds the lock of other buckets would keep them from being taken over. */
export function fenceOfEvent(fence: Fence, { bucket }: InboxEvent): Fence {
  if (fence.kind === "lease") return fence;
  const epoch = fence.epochs.get(bucket);
  return { ...fence, epochs: new Map(epoch === undefined ? [] : [[bucket, epoch]]) };
}
