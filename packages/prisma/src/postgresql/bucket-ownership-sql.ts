import { isHeldSql } from "./fence-sql.js";

/** The tables that ownership is kept in, qualified and quoted. */
export interface OwnershipTables {
  readonly bucket: string;
  readonly worker: string;
}

const now = "statement_timestamp()";
const milliseconds = (parameter: string) => `${parameter}::double precision * interval '1 millisecond'`;

/** The bucket may be acquired. Its lease must have been over for a while, unless its owner gave it up. */
const isFree = (graceMs: string) => `(bucket.owner IS NULL OR bucket.lease_until <= ${now} - ${milliseconds(graceMs)})`;

/** Locks held buckets in the order in which everyone locks them. Parameters as of a fence, from `$1` on. */
const lockHeldSql = ({ bucket }: OwnershipTables) => `
    WITH held AS MATERIALIZED (
      SELECT bucket.bucket FROM ${bucket} AS bucket
      WHERE ${isHeldSql("$1", "$2", "$3")}
      ORDER BY bucket.bucket
      FOR NO KEY UPDATE
    )`;

/**
 * Takes free buckets. `$1` owner, `$2` milliseconds of the lease, `$3` of the grace, `$4` limit.
 *
 * The lock conflicts with that of outcome statements. It is not waited for: a bucket in which someone is still writing is passed
 * over and taken by a later call, so that one write that hangs does not keep a worker from all other buckets.
 */
export function acquireSql({ bucket }: OwnershipTables): string {
  return `
    WITH free AS MATERIALIZED (
      SELECT bucket.bucket FROM ${bucket} AS bucket
      WHERE ${isFree("$3")}
      ORDER BY bucket.bucket
      LIMIT $4::integer
      FOR UPDATE SKIP LOCKED
    ), acquired AS (
      UPDATE ${bucket} AS bucket
      SET owner = $1::text,
          epoch = bucket.epoch + 1,
          lease_until = ${now} + ${milliseconds("$2")},
          unclean_takeovers = CASE WHEN bucket.owner IS NULL THEN bucket.unclean_takeovers
                                   ELSE least(bucket.unclean_takeovers::integer + 1, 32767) END
      WHERE bucket.bucket = ANY (ARRAY (SELECT free.bucket FROM free))
      RETURNING bucket.bucket, bucket.epoch, bucket.unclean_takeovers
    )
    SELECT bucket, epoch, unclean_takeovers FROM acquired ORDER BY bucket`;
}

/**
 * Enters a worker and extends the leases of its buckets. Parameters as of a fence from `$1` on, `$4` milliseconds.
 *
 * The lock is the one that the update takes anyway, in the common order; it does not conflict with that of outcome statements.
 * Workers whose own lease has been over for as long again are removed: each start of a process has an id of its own, so they
 * come back under another one. Only after the entry, and only rows that are free, so that two workers that wake up after a long
 * pause do not wait for each other.
 */
export function renewSql(tables: OwnershipTables): string {
  const { bucket, worker } = tables;
  return `${lockHeldSql(tables)}, entered AS (
      INSERT INTO ${worker} AS worker (id, lease_until) VALUES ($1::text, ${now} + ${milliseconds("$4")})
      ON CONFLICT (id) DO UPDATE SET lease_until = excluded.lease_until
      RETURNING worker.id
    ), gone AS MATERIALIZED (
      SELECT worker.id FROM ${worker} AS worker
      WHERE worker.lease_until <= ${now} - ${milliseconds("$4")} AND worker.id <> (SELECT entered.id FROM entered)
      FOR UPDATE SKIP LOCKED
    ), removed AS (
      DELETE FROM ${worker} AS worker WHERE worker.id = ANY (ARRAY (SELECT gone.id FROM gone))
    ), renewed AS (
      UPDATE ${bucket} AS bucket SET lease_until = ${now} + ${milliseconds("$4")}
      WHERE bucket.bucket = ANY (ARRAY (SELECT held.bucket FROM held))
      RETURNING bucket.bucket
    )
    SELECT bucket FROM renewed ORDER BY bucket`;
}

/**
 * Gives buckets up. Parameters as of a fence, from `$1` on.
 *
 * The lock is that of a renewal, and is waited for: passed over would be a bucket that its own renewal holds for a moment, and
 * it would then be taken for one whose owner died. It does not conflict with that of outcome statements, since the epoch
 * stays: who takes the bucket next passes over it as long as an outcome of this owner is still running.
 */
export function releaseSql(tables: OwnershipTables): string {
  return `${lockHeldSql(tables)}
    UPDATE ${tables.bucket} AS bucket SET owner = NULL, lease_until = NULL
    WHERE bucket.bucket = ANY (ARRAY (SELECT held.bucket FROM held))`;
}

/** Forgets what earlier owners left behind. Parameters as of a fence, from `$1` on. Owner and epoch stay, so it waits for no outcome. */
export function markCleanSql(tables: OwnershipTables): string {
  return `${lockHeldSql(tables)}
    UPDATE ${tables.bucket} AS bucket SET unclean_takeovers = 0
    WHERE bucket.bucket = ANY (ARRAY (SELECT held.bucket FROM held)) AND bucket.unclean_takeovers > 0`;
}

/** Removes a worker. `$1` is its id. */
export function leaveSql({ worker }: OwnershipTables): string {
  return `DELETE FROM ${worker} WHERE id = $1::text`;
}

/** Counts buckets, in all and per living worker; one row without a worker when none lives. `$1` milliseconds of the grace. */
export function surveySql({ bucket, worker }: OwnershipTables): string {
  return `
    WITH counted AS (
      SELECT count(*)::integer AS bucket_count, (count(*) FILTER (WHERE ${isFree("$1")}))::integer AS free
      FROM ${bucket} AS bucket
    ), living AS (
      SELECT worker.id, count(bucket.bucket)::integer AS owned
      FROM ${worker} AS worker LEFT JOIN ${bucket} AS bucket ON bucket.owner = worker.id AND NOT ${isFree("$1")}
      WHERE worker.lease_until > ${now}
      GROUP BY worker.id
    )
    SELECT counted.bucket_count, counted.free, living.id, living.owned
    FROM counted LEFT JOIN living ON true
    ORDER BY living.id`;
}
