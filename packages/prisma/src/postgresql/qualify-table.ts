import { z } from "zod";

/** The rule for a PostgreSQL schema's name: what the server would store, at most 63 bytes. */
export const schemaName = z
  .string()
  .min(1)
  .refine((name) => Buffer.byteLength(name) <= 63, "must have at most 63 bytes")
  .refine((name) => !name.includes("\0"), "must not hold a NUL character");

/** Quotes an identifier, so that any text is only a name. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Names a table in its schema, or leaves the schema to the connection's search_path. */
export function qualifyTable(schema: string | undefined, table: string): string {
  return schema === undefined ? quoteIdentifier(table) : `${quoteIdentifier(schema)}.${quoteIdentifier(table)}`;
}
