// #region main
import { EventEmitter, once } from "node:events";
import { applyOmniBoxMigrations } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "./generated/client.js";
import { createOrders } from "./place-order.js";
import { createRelay } from "./relay.js";
import { createShipping } from "./shipping.js";

const databaseUrl = process.env.DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres";
const amqpUrl = process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672?heartbeat=3";
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl, max: 25 }) });

// A real service has these tables from `prisma migrate deploy`.
await applyOmniBoxMigrations(prisma);
await prisma.$executeRaw`CREATE TABLE IF NOT EXISTS "order" (
  id serial PRIMARY KEY, customer text NOT NULL, total_cents integer NOT NULL)`;
await prisma.$executeRaw`CREATE TABLE IF NOT EXISTS shipment (id serial PRIMARY KEY, order_id integer NOT NULL)`;

// First the consumer, which makes the queue: a message that no queue wants is refused.
const messages = new EventEmitter();
const shipping = createShipping(prisma, amqpUrl, () => messages.emit("handled"));
await shipping.start();
const relay = createRelay(prisma, amqpUrl);
await relay.start();

const handled = once(messages, "handled");
const order = await createOrders(prisma).place("Ada", 4200);
console.log(`order ${order.id} is stored, its event too`);
await handled;
const shipments = await prisma.shipment.count({ where: { orderId: order.id } });
console.log(`shipments of order ${order.id}: ${shipments}`);

// A service would go on, and do this on SIGTERM.
await relay.stop();
await shipping.stop();
await prisma.$disconnect();
// #endregion main
