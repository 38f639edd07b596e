import { randomBytes } from "node:crypto";
import { applyOmniBoxMigrations } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import amqp from "amqplib";
import { PrismaClient } from "./generated/client.js";

const databaseUrl = process.env.DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres";
const amqpUrl = process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672?heartbeat=3";

/** A real database and a real broker, with names of their own for one test file. */
export interface TestServices {
  /** A name that nothing else at the broker has. */
  readonly name: string;
  /** A client of a service with a schema of its own, the omni-box tables in it. */
  openDatabase(): Promise<{ readonly prisma: PrismaClient; readonly schema: string }>;
  connect(): Promise<amqp.ChannelModel>;
  /** Removes everything that was made, queues and exchanges of these names included. */
  close(queues: readonly string[], exchanges: readonly string[]): Promise<void>;
}

export function openTestServices(): TestServices {
  const opened: { readonly prisma: PrismaClient; readonly schema: string }[] = [];
  const connect = () => amqp.connect(amqpUrl, { noDelay: true, timeout: 5_000 });
  return {
    name: `omni-box-test.otel.${randomBytes(6).toString("hex")}`,
    connect,
    async openDatabase() {
      const schema = `omni_box_test_${randomBytes(6).toString("hex")}`;
      const adapter = new PrismaPg({ connectionString: databaseUrl, max: 25 }, { schema });
      const prisma = new PrismaClient({ adapter });
      await prisma.$executeRawUnsafe(`CREATE SCHEMA ${schema}`);
      await applyOmniBoxMigrations(prisma, { schema });
      await prisma.$executeRawUnsafe(
        `CREATE TABLE ${schema}.test_order (id serial PRIMARY KEY, customer text NOT NULL)`,
      );
      const database = { prisma, schema };
      opened.push(database);
      return database;
    },
    async close(queues, exchanges) {
      for (const { prisma, schema } of opened) {
        await prisma.$executeRawUnsafe(`DROP SCHEMA ${schema} CASCADE`);
        await prisma.$disconnect();
      }
      const connection = await connect();
      const channel = await connection.createChannel();
      for (const queue of queues) await channel.deleteQueue(queue);
      for (const exchange of exchanges) await channel.deleteExchange(exchange);
      await connection.close();
    },
  };
}
