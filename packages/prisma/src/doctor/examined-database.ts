import type { Clock } from "@omni-box/core";
import type { StoreSetting } from "../event-dialect.js";
import type { PrismaTransactionalClientLike } from "../prisma-client-like.js";

/** What the checks look at, and by which measure. */
export interface ExaminedDatabase {
  /** `undefined`: the search_path decides. */
  readonly schema: string | undefined;
  readonly setting: StoreSetting;
  readonly longTransactionMs: number;
  readonly deadRowsMax: number;
  readonly clockDifferenceMaxMs: number;
  readonly statementTimeoutMs: number;
  readonly clock: Clock;
  readonly client: PrismaTransactionalClientLike;
  /** Runs one statement, bounded in time, its error mapped. */
  query<Row>(sql: string, ...values: readonly unknown[]): Promise<readonly Row[]>;
}

/** The condition under which a row of `pg_class AS class` and `pg_namespace AS namespace` is in the examined schema, which is `parameter`. */
export function inSchema(parameter: string): string {
  return `CASE WHEN ${parameter}::text IS NULL THEN pg_catalog.pg_table_is_visible(class.oid)
               ELSE namespace.nspname = ${parameter}::text END`;
}
