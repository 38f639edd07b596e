// #region main
import { applyOmniBoxMigrations } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { connect } from "amqplib";
import { PrismaClient } from "./generated/client.js";
import { createOrders } from "./place-order.js";
import { createRelay } from "./relay.js";

const databaseUrl = process.env.DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres";
const amqpUrl = process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672?heartbeat=3";
const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl }) });

// A real service has these tables from `prisma migrate deploy`.
await applyOmniBoxMigrations(prisma);
await prisma.$executeRaw`CREATE TABLE IF NOT EXISTS "order" (
  id serial PRIMARY KEY, customer text NOT NULL, total_cents integer NOT NULL)`;

const relay = createRelay(prisma, amqpUrl);
await relay.start();

const order = await createOrders(prisma).place("Ada", 4200);
console.log(`order ${order.id} is stored, its event too`);

await relay.drain(); // A service would go on; this one ends when nothing is due any more.
await relay.stop();
await prisma.$disconnect();

const connection = await connect(amqpUrl);
const channel = await connection.createChannel();
const message = await channel.get("quickstart.orders", { noAck: true });
if (message === false) throw new Error("no message arrived");
console.log(`${message.properties.type} arrived: ${message.content.toString()}`);
await connection.close();
// #endregion main
