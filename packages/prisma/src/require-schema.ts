import { OmniBoxError } from "@omni-box/core";
import type { PrismaClientLike, PrismaTransactionLike } from "./prisma-client-like.js";

/** @throws {OmniBoxError} STORE.SCHEMA_MISSING when the database has no such schema. */
export async function requireSchema(client: PrismaClientLike | PrismaTransactionLike, schema: string): Promise<void> {
  const found = await client.$queryRawUnsafe<unknown[]>(
    "SELECT 1 AS one FROM pg_catalog.pg_namespace WHERE nspname = $1",
    schema,
  );
  if (found.length > 0) return;
  throw new OmniBoxError("STORE.SCHEMA_MISSING", `the schema "${schema}" does not exist: create it first`, {
    meta: { schema },
  });
}
