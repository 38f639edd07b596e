import { randomUUID } from "node:crypto";
import type { BucketFence, EventRef } from "@omni-box/core";

/** What one process of a schedule believes. */
export interface ScheduleOwner {
  /** A new one after each start. */
  owner: string;
  epochs: Map<number, bigint>;
  /** Its last read, under the epochs of then. It outlives a restart, as a process does that was only thought to be dead. */
  read: { readonly fence: BucketFence; readonly rows: readonly ReadRow[] };
}

/** An event as it was read. */
export interface ReadRow extends EventRef {
  readonly attemptsMade: number;
}

/** @param prefix - tells the owners of one schedule from those of others */
export function newOwner(prefix: string): ScheduleOwner {
  const owner = freshId(prefix);
  return { owner, epochs: new Map(), read: { fence: { kind: "buckets", owner, epochs: new Map() }, rows: [] } };
}

/** The process starts again: it owns nothing. */
export function restart(worker: ScheduleOwner, prefix: string): void {
  worker.owner = freshId(prefix);
  worker.epochs = new Map();
}

/** The fence for what the worker believes to own now. */
export function presentFence({ owner, epochs }: ScheduleOwner): BucketFence {
  return { kind: "buckets", owner, epochs: new Map(epochs) };
}

export function everyNthOf<Item>(items: readonly Item[], everyNth: number): Item[] {
  return items.filter((_, index) => index % everyNth === 0);
}

function freshId(prefix: string): string {
  return `${prefix}/${randomUUID()}`;
}
