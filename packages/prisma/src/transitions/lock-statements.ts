import type { Statement } from "../statement.js";
import { idValues, type Row } from "./row.js";
import type { WatchedModel } from "./watched-model.js";

/** Rows with several id fields in one statement: each adds a condition of its own. */
const rowsPerStatement = 500;

/**
 * Statements that lock rows, in the order of their ids so that two transactions do not wait for each other, and tell where the
 * version of each is stored.
 *
 * FOR NO KEY UPDATE is the lock that the update itself takes: it does not keep others from inserting rows that refer to these. The
 * values are compared with the columns as they are, so that PostgreSQL takes them for the columns' types and uses the index.
 */
export function lockStatements(model: WatchedModel, rows: readonly Row[], isLocking: boolean): Statement[] {
  if (rows.length === 0) return [];
  const { idColumns, table } = model;
  const order = idColumns.join(", ");
  const lock = isLocking ? `ORDER BY ${order} FOR NO KEY UPDATE` : "";
  const statement = (condition: string, values: unknown[]): Statement => ({
    sql: `SELECT tableoid::text || ctid::text AS place FROM ${table} WHERE ${condition} ${lock}`,
    values,
  });

  const ids = rows.map((row) => idValues(model, row));
  if (idColumns.length === 1) return [statement(`${order} = ANY($1)`, [ids.flat()])];
  return chunksOf(ids.toSorted(), rowsPerStatement).map((chunk) => {
    const tuples = chunk.map((_id, index) => {
      const first = index * idColumns.length;
      return `(${idColumns.map((_column, offset) => `$${first + offset + 1}`).join(", ")})`;
    });
    return statement(`(${order}) IN (${tuples.join(", ")})`, chunk.flat());
  });
}

function chunksOf<Item>(items: readonly Item[], size: number): Item[][] {
  const count = Math.ceil(items.length / size);
  return Array.from({ length: count }, (_, index) => items.slice(index * size, (index + 1) * size));
}
