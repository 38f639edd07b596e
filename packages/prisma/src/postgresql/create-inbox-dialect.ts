import type { EventRef, Fence, InboxEventDraft, InboxRow, InsertOptions, KeySequence } from "@omni-box/core";
import type { InboxDialect } from "../inbox-dialect.js";
import type { Statement } from "../statement.js";
import { createPostgresqlGroupBucketDialects } from "./create-bucket-dialect.js";
import { createPostgresqlEventDialect, perFence } from "./create-event-dialect.js";
import { readInboxRow } from "./event-columns.js";
import { inboxTable } from "./event-table.js";
import { bucketFenceSql, fenceValues } from "./fence-sql.js";
import { draftValuesOf, insertCompletedSql, insertedRowsJson, insertManySql } from "./insert-statement.js";
import { completeSql, recordStartedSql, seqsOf } from "./outcome-sql.js";
import { qualifyTable } from "./qualify-table.js";
import { raiseSequencesSql, sequenceTable, sequenceValuesOf } from "./raise-sequences-sql.js";

/** What the SQL depends on. */
export interface PostgresqlInboxDialectOptions {
  readonly schema: string | undefined;
  readonly bucketCount: number;
}

/** The sequence that PostgreSQL made for `inbox_event.seq`. */
export const inboxSequence = "inbox_event_seq_seq";

/** The inbox in PostgreSQL's SQL. */
export function createPostgresqlInboxDialect(options: PostgresqlInboxDialectOptions): InboxDialect {
  const { schema, bucketCount } = options;
  const table = inboxTable(schema);
  const sequence = qualifyTable(schema, inboxSequence);
  const insertCompleted = { insert: insertCompletedSql(table, "insert"), leave: insertCompletedSql(table, "leave") };
  const insertMany = {
    insert: insertManySql(table, sequence, "insert"),
    leave: insertManySql(table, sequence, "leave"),
  };
  // The limit keeps the planner from joining a large table by reading all of it.
  const findStored = `
    SELECT wanted.message_id, wanted.consumer_group, found.id, found.status
    FROM unnest($1::text[], $2::text[]) AS wanted (message_id, consumer_group)
    CROSS JOIN LATERAL (
      SELECT event.id, event.status FROM ${table.name} AS event
      WHERE event.message_id = wanted.message_id AND event.consumer_group = wanted.consumer_group
      LIMIT 1
    ) AS found`;
  const bucket = qualifyTable(schema, "inbox_bucket");
  const worker = qualifyTable(schema, "inbox_worker");
  const bucketFence = bucketFenceSql(bucket, table.groupColumn);
  const bucketsOf = createPostgresqlGroupBucketDialects({ table, bucket, worker, fence: bucketFence, bucketCount });
  const complete = perFence(bucketFence, (fence) => completeSql(table.name, fence));
  const proof: Statement = { sql: "SELECT 1 AS healthy", values: [] };
  const findIds = `SELECT event.id FROM ${table.name} AS event WHERE event.id = ANY ($1::uuid[])`;
  const raiseSequences = raiseSequencesSql(qualifyTable(schema, sequenceTable));
  const recordStarted = perFence(bucketFence, (fence) => recordStartedSql(table.name, fence));

  return {
    ...createPostgresqlEventDialect({ table, onCompleted: "keep", readEvent: readInboxRow, bucketFence }),
    bucketsOf,
    insert: (rows: readonly InboxRow[], behindPending: InsertOptions["behindPending"], lockTimeoutMs: number) => ({
      sql: insertMany[behindPending],
      values: [`${lockTimeoutMs}ms`, insertedRowsJson(rows, bucketCount)],
    }),
    insertCompleted: (
      draft: InboxEventDraft,
      behindPending: InsertOptions["behindPending"],
      lockTimeoutMs: number,
    ) => ({
      sql: insertCompleted[behindPending],
      values: [...draftValuesOf(draft, bucketCount), `${lockTimeoutMs}ms`],
    }),
    findStored: (messages: readonly { readonly messageId: string; readonly consumerGroup: string }[]) => ({
      sql: findStored,
      values: [messages.map(({ messageId }) => messageId), messages.map(({ consumerGroup }) => consumerGroup)],
    }),
    raiseSequences: (highest: readonly KeySequence[], lockTimeoutMs: number) => ({
      sql: raiseSequences,
      values: [`${lockTimeoutMs}ms`, ...sequenceValuesOf(highest)],
    }),
    complete: (fence: Fence, { seq }: EventRef) => ({ sql: complete(fence), values: [seq, ...fenceValues(fence)] }),
    proof: () => proof,
    findIds: (ids: readonly string[]) => ({ sql: findIds, values: [ids] }),
    recordStarted: (fence: Fence, rows: readonly EventRef[], startedAttempts: number) => ({
      sql: recordStarted(fence),
      values: [seqsOf(rows), ...fenceValues(fence), startedAttempts],
    }),
  };
}
