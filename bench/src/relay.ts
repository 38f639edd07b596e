import { randomBytes } from "node:crypto";
import { createOutbox, createOutboxEvent, createOutboxRelay } from "@omni-box/core";
import { applyOmniBoxMigrations, createPrismaOutboxRepository } from "@omni-box/prisma";
import { createRabbitMqPublisher, defineTopology } from "@omni-box/rabbitmq";
import { PrismaPg } from "@prisma/adapter-pg";
import { connect } from "amqplib";
import type { BenchmarkReport } from "./benchmark-report.js";
import { PrismaClient } from "./generated/client.js";

const eventsPerTransaction = 1_000;

/**
 * Commits the events first, then times one relay from its start until all of them are confirmed and recorded: a quorum queue,
 * persistent messages, confirms on, default options. Fails when the queue does not hold exactly these messages.
 */
export async function benchRelay(events: number): Promise<BenchmarkReport> {
  const databaseUrl = process.env.DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres";
  const amqpUrl = process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672?heartbeat=3";
  const name = `omni_box_bench_${randomBytes(4).toString("hex")}`;
  const open = () => connect(amqpUrl, { noDelay: true });
  const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl }, { schema: name }) });
  const connection = await open();
  const channel = await connection.createChannel();
  await client.$executeRawUnsafe(`CREATE SCHEMA "${name}"`);
  try {
    await applyOmniBoxMigrations(client, { schema: name });
    const repository = createPrismaOutboxRepository(client, { schema: name });
    const outbox = createOutbox({ repository });
    for (let first = 0; first < events; first += eventsPerTransaction) {
      const drafts = sampleEvents(name, first, Math.min(eventsPerTransaction, events - first));
      await client.$transaction((tx) => outbox.add(tx, drafts));
    }
    const topology = defineTopology({
      exchanges: [{ name, type: "direct" }],
      queues: [{ name }],
      bindings: [{ exchange: name, queue: name, routingKey: name }],
    });
    const publisher = createRabbitMqPublisher({ connect: open, exchange: name, topology: { assert: topology } });
    const relay = createOutboxRelay({ repository, publisher });

    const startedAt = performance.now();
    await relay.start();
    await relay.drain();
    const seconds = (performance.now() - startedAt) / 1_000;
    await relay.stop();

    const { messageCount } = await channel.checkQueue(name);
    if (messageCount !== events) throw new Error(`${events} events were committed, the queue holds ${messageCount}`);
    return { name: "relay", cases: [{ case: "unordered", value: Math.round(events / seconds), unit: "events/s" }] };
  } finally {
    await client.$executeRawUnsafe(`DROP SCHEMA "${name}" CASCADE`);
    await client.$disconnect();
    await channel.deleteQueue(name);
    await channel.deleteExchange(name);
    await connection.close();
  }
}

function sampleEvents(topic: string, first: number, count: number) {
  return Array.from({ length: count }, (_, offset) =>
    createOutboxEvent({
      type: "order.placed",
      schemaVersion: "1.0.0",
      topic,
      aggregateType: "order",
      aggregateId: (first + offset) % 10_000,
      payload: { orderId: first + offset, customer: "Ada Lovelace", note: "x".repeat(200) },
    }),
  );
}
