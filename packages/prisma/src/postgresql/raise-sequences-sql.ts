import type { KeySequence } from "@omni-box/core";

/** The table of the keys' sequences. */
export const sequenceTable = "inbox_sequence";

/**
 * Raises the sequences of keys, each of which is among `$2` to `$5` once, and answers in one row what they were raised from.
 *
 * A row that is not raised is locked all the same, and a transaction that holds it is waited for: only its end shows which event
 * is the older one. The keys are taken in one order, so that two transactions with the same keys do not wait for each other.
 * `$1` bounds the waits, as in `insertManySql`; the setting is changed back when all sequences have been raised and collected.
 */
export function raiseSequencesSql(table: string): string {
  return `
    WITH patience AS MATERIALIZED (
      SELECT setting.former, set_config('lock_timeout', $1::text, true) AS current
      FROM (SELECT current_setting('lock_timeout') AS former OFFSET 0) AS setting
    ), raised AS (
      INSERT INTO ${table} AS sequence (consumer_group, topic, partition_key, last_seq)
      SELECT wanted.consumer_group, wanted.topic, wanted.partition_key, wanted.seq
      FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[]) AS wanted (consumer_group, topic, partition_key, seq)
      CROSS JOIN patience
      ORDER BY wanted.consumer_group COLLATE "C", wanted.topic COLLATE "C", wanted.partition_key COLLATE "C"
      ON CONFLICT (consumer_group, topic, partition_key) DO UPDATE
        SET former_seq = sequence.last_seq, last_seq = excluded.last_seq, updated_at = statement_timestamp()
        WHERE sequence.last_seq < excluded.last_seq
      RETURNING consumer_group, topic, partition_key, former_seq
    )
    SELECT collected.raised, set_config('lock_timeout', (SELECT former FROM patience), true) AS lock_timeout
    FROM (
      SELECT coalesce(jsonb_agg(jsonb_build_object(
        'consumerGroup', consumer_group, 'topic', topic, 'partitionKey', partition_key, 'formerSeq', former_seq::text
      )), '[]') AS raised
      FROM raised
    ) AS collected`;
}

/** `$2` to `$5` of {@link raiseSequencesSql}. */
export function sequenceValuesOf(highest: readonly KeySequence[]): readonly unknown[] {
  return [
    highest.map(({ consumerGroup }) => consumerGroup),
    highest.map(({ topic }) => topic),
    highest.map(({ partitionKey }) => partitionKey),
    highest.map(({ seq }) => seq),
  ];
}
