import { applyOmniBoxMigrations } from "@omni-box/prisma";
import type { Database } from "./database.js";

const shopTables = `
  CREATE TYPE "OrderStatus" AS ENUM ('PLACED', 'PAID');
  CREATE TABLE product (id text PRIMARY KEY, stock integer NOT NULL);
  CREATE TABLE "order" (
    id          uuid PRIMARY KEY,
    customer    text NOT NULL,
    product_id  text NOT NULL REFERENCES product,
    total_cents integer NOT NULL,
    status      "OrderStatus" NOT NULL DEFAULT 'PLACED',
    is_prepared boolean NOT NULL DEFAULT false
  );`;

const shippingTables = `
  CREATE TABLE shipment (
    id               serial PRIMARY KEY,
    order_id         uuid NOT NULL,
    total_cents      integer NOT NULL,
    received_version text NOT NULL
  );
  CREATE TABLE release (id serial PRIMARY KEY, order_id uuid NOT NULL);`;

/** Creates the shop's PostgreSQL schema, with its own tables and those of omni-box. */
export function createShopTables(database: Database): Promise<void> {
  return createTables(database, shopTables);
}

/** Creates the shipping service's PostgreSQL schema likewise. */
export function createShippingTables(database: Database): Promise<void> {
  return createTables(database, shippingTables);
}

/** A real service leaves this to `prisma migrate deploy`; the demo must run where only Node.js is installed. */
async function createTables({ client, schema }: Database, tables: string): Promise<void> {
  await client.$executeRawUnsafe(`CREATE SCHEMA "${schema}"`);
  await client.$transaction(async (tx) => {
    await tx.$executeRawUnsafe(`SET LOCAL search_path TO "${schema}"`);
    await tx.$executeRawUnsafe(tables);
  });
  await applyOmniBoxMigrations(client, { schema });
}

/** Removes a service's schema and closes its connections. */
export async function closeDatabase({ client, schema }: Database): Promise<void> {
  await client.$executeRawUnsafe(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await client.$disconnect();
}
