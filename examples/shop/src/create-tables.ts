import { applyOmniBoxMigrations } from "@omni-box/prisma";
import type { Database } from "./database.js";

/**
 * Creates the demo's PostgreSQL schema with the tables of the shop and of omni-box.
 *
 * A real service leaves this to `prisma migrate deploy`; the demo must run where only Node.js is installed.
 */
export async function createTables({ client }: Database, schema: string): Promise<void> {
  await client.$executeRawUnsafe(`CREATE SCHEMA "${schema}"`);
  await client.$transaction(async (tx) => {
    await tx.$executeRawUnsafe(`SET LOCAL search_path TO "${schema}"`);
    await tx.$executeRawUnsafe(`
      CREATE TYPE "OrderStatus" AS ENUM ('PLACED', 'PAID');
      CREATE TABLE product (id text PRIMARY KEY, stock integer NOT NULL);
      CREATE TABLE "order" (
        id          uuid PRIMARY KEY,
        customer    text NOT NULL,
        product_id  text NOT NULL REFERENCES product,
        total_cents integer NOT NULL,
        status      "OrderStatus" NOT NULL DEFAULT 'PLACED'
      );`);
  });
  await applyOmniBoxMigrations(client, { schema });
}

/** Removes what {@link createTables} made. */
export async function dropTables({ client }: Database, schema: string): Promise<void> {
  await client.$executeRawUnsafe(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
}
