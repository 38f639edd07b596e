import type { Fence } from "@omni-box/core";

/** What a kind of fence adds to an outcome statement, whose rows are `$1`. */
export interface FenceSql {
  /** Common table expressions, each followed by a comma, that run before the change. */
  readonly with: string;
  /** The condition on the row `event` under which it may be changed. */
  readonly condition: string;
  /** What the change returns as `changed`, if anything: with thousands of rows it costs as much as the fence itself. */
  readonly returning: string;
  /** The parameter that follows the fence's own. */
  readonly nextParameter: string;
  /**
   * Selects the `seq` of each given row that the fence kept from being written.
   *
   * @param given - an item of FROM with the column `seq` of all rows that were to be written
   */
  missing(table: string, given: string): string;
}

/**
 * The row `event` is pending, in words that match no partial index: an event that is found by its key must not be looked for in
 * an index of all pending ones, which is what the planner does when old statistics say that there are few.
 */
export const isStillPending = "event.status NOT IN ('completed', 'failed')";

/**
 * The fence of row leases: the row itself still carries the token.
 *
 * The condition is on the row that is changed, so after a wait for another transaction PostgreSQL checks it again on the row's
 * newest version. A fence that lives in another table has to lock its rows there to be as good. The time of the lease is no
 * part of it: a late outcome of an event that nobody took over is still true.
 */
export const leaseFenceSql: FenceSql = Object.freeze({
  with: "",
  condition: `event.lease_token = $2::uuid AND ${isStillPending}`,
  returning: "RETURNING event.seq",
  nextParameter: "$3",
  missing: (_table: string, given: string) => `SELECT seq FROM ${given} EXCEPT SELECT seq FROM changed`,
});

/**
 * The fence of owned buckets: `$2` owner, `$3` buckets, `$4` their epochs. All of it is in one statement with the change.
 *
 * - `FOR KEY SHARE`: a take-over locks the bucket `FOR UPDATE`, so it and this statement exclude each other. A condition
 *   without the lock would be read from the statement's snapshot: after a wait for another transaction on one of its rows it
 *   would still write, while the bucket had long been taken over. Renewals, which change no key column, wait for no outcome.
 * - In the order of the buckets, like everyone who locks several.
 * - The condition compares with an array of what is held; joined, the planner may read the table from the wrong end.
 * - The time of the lease is no part of it: a late outcome in a bucket that nobody took over is still true.
 *
 * @param groupColumn - the column, in both tables, of the group that has buckets of its own; an owner is one of a single group
 */
export function bucketFenceSql(bucketTable: string, groupColumn: string | null = null): FenceSql {
  const heldColumns = ["bucket", ...(groupColumn === null ? [] : [groupColumn])];
  const ofHeldGroup =
    groupColumn === null ? "" : `AND event.${groupColumn} = (SELECT min(held.${groupColumn}) FROM held)`;
  const notHeld = "event.bucket <> ALL (ARRAY (SELECT held.bucket FROM held))";
  return Object.freeze({
    with: `held AS MATERIALIZED (
      SELECT ${heldColumns.map((column) => `bucket.${column}`).join(", ")} FROM ${bucketTable} AS bucket
      WHERE ${isHeldSql("$2", "$3", "$4")}
      ORDER BY bucket.bucket
      FOR KEY SHARE
    ),`,
    condition: `event.bucket = ANY (ARRAY (SELECT held.bucket FROM held)) ${ofHeldGroup} AND ${isStillPending}`,
    returning: "",
    nextParameter: "$5",
    // Rows that were done before, by a repeated call or by an operator, are not missing. While all buckets that the fence names
    // are held, which is nearly always, nothing is looked for: that part of the plan is then not even begun. So a row in a bucket
    // that the fence does not name is neither written nor reported.
    missing: (table: string, given: string) => `
    SELECT event.seq FROM ${table} AS event
    WHERE (SELECT count(*) FROM held) < cardinality($3::smallint[])
      AND event.seq = ANY (ARRAY (SELECT seq FROM ${given})) AND ${notHeld} AND ${isStillPending}`,
  });
}

/**
 * The row `bucket` is held: by this owner, and under the epoch that is named for it.
 *
 * IS TRUE keeps the planner from making it a join, in which it compares each bucket with each part of the fence.
 */
export function isHeldSql(owner: string, buckets: string, epochs: string): string {
  return `bucket.owner = ${owner}::text AND ((bucket.bucket, bucket.epoch) IN (
        SELECT fence.bucket, fence.epoch FROM unnest(${buckets}::smallint[], ${epochs}::bigint[]) AS fence (bucket, epoch)
      )) IS TRUE`;
}

/** The values of a fence's parameters, `$2` and following. */
export function fenceValues(fence: Fence): readonly unknown[] {
  if (fence.kind === "lease") return [fence.token];
  return [fence.owner, [...fence.epochs.keys()], [...fence.epochs.values()]];
}
