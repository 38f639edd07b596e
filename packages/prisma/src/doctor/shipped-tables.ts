import { readFile } from "node:fs/promises";
import type { TableFact, TablePart } from "./read-tables.js";

/** What the migrations make of one table: definitions by part and name. */
export type ShippedTable = Readonly<Record<TablePart, Readonly<Record<string, string>>>>;

/** What the migrations make, by table. */
export type ShippedTables = Readonly<Record<string, ShippedTable>>;

/** Written by the test that compares it with what the migrations make. */
export const shippedTablesFile = new URL("../../prisma/omni-box-tables.json", import.meta.url);

/** Reads what this version's migrations make. */
export async function readShippedTables(): Promise<ShippedTables> {
  return JSON.parse(await readFile(shippedTablesFile, "utf8")) as ShippedTables;
}

/** Puts facts into the form in which they are shipped, in an order that no database's collation has a say in. */
export function shippedTablesOf(facts: readonly TableFact[]): ShippedTables {
  const tables: Record<string, Record<TablePart, Record<string, string>>> = {};
  for (const { table, part, name, definition } of [...facts].sort(byName)) {
    tables[table] ??= { column: {}, constraint: {}, index: {}, sequence: {}, setting: {} };
    const shipped = tables[table];
    if (part !== "table" && shipped !== undefined) shipped[part][name] = definition;
  }
  return tables;
}

function byName(a: TableFact, b: TableFact): number {
  const [left, right] = [a, b].map(({ table, part, name }) => JSON.stringify([table, part, name]));
  return (left ?? "") < (right ?? "") ? -1 : 1;
}
