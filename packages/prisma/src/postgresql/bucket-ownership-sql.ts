import { isHeldSql } from "./fence-sql.js";

/** The tables that ownership is kept in, qualified and quoted. */
export interface OwnershipTables {
  readonly bucket: string;
  readonly worker: string;
  /** Each consumer group has buckets and workers of its own, and the last parameter of every statement names it. */
  readonly isGrouped: boolean;
}

/** Narrows the table `of` to the group that a parameter names. */
const inGroup = ({ isGrouped }: OwnershipTables, of: "bucket" | "worker", parameter: string) =>
  isGrouped ? `AND ${of}.consumer_group = ${parameter}::text` : "";

const now = "statement_timestamp()";
const milliseconds = (parameter: string) => `${parameter}::double precision * interval '1 millisecond'`;

/** The bucket may be acquired. Its lease must have been over for a while, unless its owner gave it up. */
const isFree = (graceMs: string) => `(bucket.owner IS NULL OR bucket.lease_until <= ${now} - ${milliseconds(graceMs)})`;

/** Selects the buckets that are held. Parameters as of a fence, from `$1` on. */
const selectHeldSql = (tables: OwnershipTables, group: string) => `
      SELECT bucket.bucket FROM ${tables.bucket} AS bucket
      WHERE ${isHeldSql("$1", "$2", "$3")} ${inGroup(tables, "bucket", group)}
      ORDER BY bucket.bucket`;

/**
 * Locks them as `held`, in the order in which everyone locks them. Passes over those that others have locked: a row that someone has
 * locked by hand, and leaves so, must not cost the worker its other buckets.
 */
const lockHeldSql = (tables: OwnershipTables, group: string) => `
    WITH held AS MATERIALIZED (${selectHeldSql(tables, group)}
      FOR NO KEY UPDATE SKIP LOCKED
    )`;

/** Selects those that were passed over, by the snapshot, in which they are held. */
const selectPassedOverSql = (tables: OwnershipTables, group: string) => `
    SELECT seen.bucket
    FROM (${selectHeldSql(tables, group)}
    ) AS seen
    WHERE seen.bucket <> ALL (ARRAY (SELECT held.bucket FROM held))`;

/**
 * Takes free buckets. `$1` owner, `$2` milliseconds of the lease, `$3` of the grace, `$4` limit.
 *
 * The lock conflicts with that of outcome statements. It is not waited for: a bucket in which someone is still writing is passed
 * over and taken by a later call, so that one write that hangs does not keep a worker from all other buckets.
 */
export function acquireSql(tables: OwnershipTables): string {
  const { bucket } = tables;
  const inThisGroup = inGroup(tables, "bucket", "$5");
  return `
    WITH free AS MATERIALIZED (
      SELECT bucket.bucket FROM ${bucket} AS bucket
      WHERE ${isFree("$3")} ${inThisGroup}
      ORDER BY bucket.bucket
      LIMIT $4::integer
      FOR UPDATE SKIP LOCKED
    ), acquired AS (
      UPDATE ${bucket} AS bucket
      SET owner = $1::text,
          epoch = bucket.epoch + 1,
          lease_until = ${now} + ${milliseconds("$2")},
          -- Its own, of which it has not heard, because the answer to an acquisition was lost: it is alive.
          unclean_takeovers = CASE WHEN bucket.owner IS NULL OR bucket.owner = $1::text THEN bucket.unclean_takeovers
                                   ELSE least(bucket.unclean_takeovers::integer + 1, 32767) END
      WHERE bucket.bucket = ANY (ARRAY (SELECT free.bucket FROM free)) ${inThisGroup}
      RETURNING bucket.bucket, bucket.epoch, bucket.unclean_takeovers
    )
    SELECT bucket, epoch, unclean_takeovers FROM acquired ORDER BY bucket`;
}

/**
 * Enters a worker and extends the leases of its buckets. Parameters as of a fence from `$1` on, `$4` milliseconds.
 *
 * The lock is the one that the update takes anyway, in the common order; it does not conflict with that of outcome statements.
 * What was passed over is told apart from what is lost by the snapshot, in which it is held.
 * Workers whose own lease has been over for as long again are removed: each start of a process has an id of its own, so they
 * come back under another one. Only after the entry, and only rows that are free, so that two workers that wake up after a long
 * pause do not wait for each other.
 */
export function renewSql(tables: OwnershipTables): string {
  const { bucket, worker, isGrouped } = tables;
  const [groupColumn, groupValue] = isGrouped ? ["consumer_group, ", "$5::text, "] : ["", ""];
  return `${lockHeldSql(tables, "$5")}, entered AS (
      INSERT INTO ${worker} AS worker (${groupColumn}id, lease_until)
      VALUES (${groupValue}$1::text, ${now} + ${milliseconds("$4")})
      ON CONFLICT (${groupColumn}id) DO UPDATE SET lease_until = excluded.lease_until
      RETURNING worker.id
    ), gone AS MATERIALIZED (
      SELECT worker.id FROM ${worker} AS worker
      WHERE worker.lease_until <= ${now} - ${milliseconds("$4")} AND worker.id <> (SELECT entered.id FROM entered)
        ${inGroup(tables, "worker", "$5")}
      FOR UPDATE SKIP LOCKED
    ), removed AS (
      DELETE FROM ${worker} AS worker WHERE worker.id = ANY (ARRAY (SELECT gone.id FROM gone)) ${inGroup(tables, "worker", "$5")}
    ), renewed AS (
      UPDATE ${bucket} AS bucket SET lease_until = ${now} + ${milliseconds("$4")}
      WHERE bucket.bucket = ANY (ARRAY (SELECT held.bucket FROM held)) ${inGroup(tables, "bucket", "$5")}
      RETURNING bucket.bucket
    )
    SELECT seen.bucket, seen.bucket = ANY (ARRAY (SELECT renewed.bucket FROM renewed)) AS is_renewed
    FROM (${selectHeldSql(tables, "$5")}
    ) AS seen`;
}

/**
 * Gives buckets up, and returns those that were passed over. Parameters as of a fence, from `$1` on.
 *
 * The lock is that of a renewal. It does not conflict with that of outcome statements, since the epoch stays: who takes the bucket
 * next passes over it as long as an outcome of this owner is still running.
 */
export function releaseSql(tables: OwnershipTables): string {
  return `${lockHeldSql(tables, "$4")}, released AS (
      UPDATE ${tables.bucket} AS bucket SET owner = NULL, lease_until = NULL
      WHERE bucket.bucket = ANY (ARRAY (SELECT held.bucket FROM held)) ${inGroup(tables, "bucket", "$4")}
    )${selectPassedOverSql(tables, "$4")}`;
}

/**
 * Forgets what earlier owners left behind, and returns the buckets that were passed over. Parameters as of a fence, from `$1` on. Owner
 * and epoch stay, so it waits for no outcome.
 */
export function markCleanSql(tables: OwnershipTables): string {
  return `${lockHeldSql(tables, "$4")}, cleaned AS (
      UPDATE ${tables.bucket} AS bucket SET unclean_takeovers = 0
      WHERE bucket.bucket = ANY (ARRAY (SELECT held.bucket FROM held)) AND bucket.unclean_takeovers > 0
        ${inGroup(tables, "bucket", "$4")}
    )${selectPassedOverSql(tables, "$4")}`;
}

/** Removes a worker. `$1` is its id. */
export function leaveSql(tables: OwnershipTables): string {
  return `DELETE FROM ${tables.worker} AS worker WHERE worker.id = $1::text ${inGroup(tables, "worker", "$2")}`;
}

/** Counts buckets, in all and per living worker; one row without a worker when none lives. `$1` milliseconds of the grace. */
export function surveySql(tables: OwnershipTables): string {
  const { bucket, worker } = tables;
  const inThisGroup = inGroup(tables, "bucket", "$2");
  return `
    WITH counted AS (
      SELECT count(*)::integer AS bucket_count, (count(*) FILTER (WHERE ${isFree("$1")}))::integer AS free
      FROM ${bucket} AS bucket
      WHERE true ${inThisGroup}
    ), living AS (
      SELECT worker.id, count(bucket.bucket)::integer AS owned
      FROM ${worker} AS worker LEFT JOIN ${bucket} AS bucket ON bucket.owner = worker.id AND NOT ${isFree("$1")}
        ${inThisGroup}
      WHERE worker.lease_until > ${now} ${inGroup(tables, "worker", "$2")}
      GROUP BY worker.id
    )
    SELECT counted.bucket_count, counted.free, living.id, living.owned
    FROM counted LEFT JOIN living ON true
    ORDER BY living.id`;
}

/**
 * Makes the buckets of a group, unless they are there. `$1` the group, `$2` their number.
 *
 * In their order, so that two workers that start at the same moment do not wait for each other in a circle.
 */
export function makeGroupSql({ bucket }: OwnershipTables): string {
  return `
    INSERT INTO ${bucket} (consumer_group, bucket)
    SELECT $1::text, made.bucket FROM generate_series(0, $2::integer - 1) AS made (bucket)
    ORDER BY made.bucket
    ON CONFLICT (consumer_group, bucket) DO NOTHING`;
}
