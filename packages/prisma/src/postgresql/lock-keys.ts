import { type OutboxEventDraft, partitionBucket } from "@omni-box/core";

/**
 * The first number of our advisory locks, which keeps them apart from the application's own: "omni" in ASCII. The second one
 * is the slot.
 */
export const lockNamespace = 0x6f6d6e69;

/**
 * Partition keys are folded into so many locks. Two keys that share one wait for each other without need; but the table of locks
 * is the whole server's, has room for 6,400 in PostgreSQL's default configuration, and 20,000 keys in one `add` would overflow it.
 */
export const lockSlots = 1_024;

/**
 * A row once all slots of the array `parameter` are locked until the transaction ends.
 *
 * - The insert has to read from it, and it is an aggregate: so every lock is held before the first `seq` is drawn. A lock that
 *   is taken beside the insert, or after it, lets `seq` and commit differ.
 * - The array is sorted by the caller and scanned as it is: an ORDER BY beside the call would sort after the locking.
 */
export function lockedSlotsSql(parameter: string): string {
  return `
      SELECT count(*) AS slots
      FROM (SELECT pg_advisory_xact_lock(${lockNamespace}, wanted.slot) FROM unnest(${parameter}::integer[]) AS wanted (slot)) AS held`;
}

/**
 * For a single slot: a condition that is true once it is locked. An insert draws `seq` for rows of which its conditions are true,
 * and a condition with a volatile function is neither evaluated ahead nor left out.
 */
export function lockedSlotSql(parameter: string): string {
  return `pg_advisory_xact_lock(${lockNamespace}, ${parameter}::integer) IS NOT NULL`;
}

/** The slot of the draft's key. */
export function lockSlotOf({ partitionKey }: OutboxEventDraft): number {
  return partitionBucket(partitionKey, lockSlots);
}

/** The slots of the drafts' keys, each once and in ascending order, so that two calls of `add` never wait for each other. */
export function lockSlotsOf(drafts: readonly OutboxEventDraft[]): readonly number[] {
  const slots = new Set(drafts.map(lockSlotOf));
  return [...slots].sort((one, other) => one - other);
}
