import type { OutboxDialect } from "../outbox-dialect.js";
import type { Statement } from "../statement.js";
import { createAddStatement } from "./add-statement.js";
import { createPostgresqlBucketDialect } from "./create-bucket-dialect.js";
import { createPostgresqlEventDialect } from "./create-event-dialect.js";
import { readOutboxRow } from "./event-columns.js";
import { outboxTable } from "./event-table.js";
import { bucketFenceSql } from "./fence-sql.js";
import { qualifyTable } from "./qualify-table.js";

/** What the SQL depends on. */
export interface PostgresqlOutboxDialectOptions {
  readonly schema: string | undefined;
  readonly onPublished: "delete" | "keep";
  /** Default `false`. */
  readonly lockKeys?: boolean | undefined;
}

/** The outbox in PostgreSQL's SQL. */
export function createPostgresqlOutboxDialect(options: PostgresqlOutboxDialectOptions): OutboxDialect {
  const { schema, onPublished, lockKeys = false } = options;
  const table = outboxTable(schema);
  const settingTable = qualifyTable(schema, "outbox_setting");
  const bucket = qualifyTable(schema, "outbox_bucket");
  const worker = qualifyTable(schema, "outbox_worker");
  const bucketFence = bucketFenceSql(bucket);
  const setting: Statement = {
    sql: `SELECT bucket_count, hash_version FROM ${settingTable} WHERE id = 1`,
    values: [],
  };
  return {
    ...createPostgresqlEventDialect({ table, onCompleted: onPublished, readEvent: readOutboxRow, bucketFence }),
    buckets: createPostgresqlBucketDialect({ table, bucket, worker, fence: bucketFence }),
    add: createAddStatement({ event: table.name, setting: settingTable, lockKeys }),
    setting: () => setting,
  };
}
