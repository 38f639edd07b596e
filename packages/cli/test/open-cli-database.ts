import { randomBytes } from "node:crypto";
import { createEventService, createInboxEventId, createOutboxEvent, type OutboxEventInput } from "@omni-box/core";
import { applyOmniBoxMigrations, createPrismaOutboxRepository } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { PrismaClient } from "../src/generated/client.js";

export const serverUrl = process.env.DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres";

/** A schema of its own, and what tests put into it. */
export interface CliDatabase {
  readonly schema: string;
  /** The URL with the schema in it, as Prisma writes it. */
  readonly url: string;
  readonly prisma: PrismaClient;
  /** Adds an event, and returns its id. */
  add(fields?: Partial<OutboxEventInput>): Promise<string>;
  /** Adds an event that has failed, and returns its id. */
  addFailed(reason: string, fields?: Partial<OutboxEventInput>): Promise<string>;
  /** Stores a message of a consumer group that has failed, and returns the id of its row. */
  addFailedMessage(consumerGroup: string, reason: string): Promise<string>;
  /** Every row of both tables as text, to see that nothing was changed. */
  contents(): Promise<string>;
  close(): Promise<void>;
}

/** @param options.withTables - default `true` */
export async function openCliDatabase({ withTables = true }: { withTables?: boolean } = {}): Promise<CliDatabase> {
  const schema = `omni_box_test_${randomBytes(6).toString("hex")}`;
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: serverUrl, max: 4 }) });
  await prisma.$executeRawUnsafe(`CREATE SCHEMA ${schema}`);
  if (withTables) await applyOmniBoxMigrations(prisma, { schema });
  const outbox = createPrismaOutboxRepository(prisma, { schema });
  const url = new URL(serverUrl);
  url.searchParams.set("schema", schema);

  const draft = (fields: Partial<OutboxEventInput>) =>
    createOutboxEvent({
      type: "order.placed",
      schemaVersion: "1.0.0",
      topic: "orders",
      aggregateType: "order",
      aggregateId: "order-1",
      payload: { customer: "Ada" },
      ...fields,
    });

  async function add(fields: Partial<OutboxEventInput> = {}): Promise<string> {
    const event = draft(fields);
    await prisma.$transaction((tx) => outbox.add(tx, [event]));
    return event.id;
  }

  return {
    schema,
    url: url.href,
    prisma,
    add,
    async addFailed(reason, fields) {
      const id = await add(fields);
      const service = createEventService(outbox);
      await service.fail(await service.lock(id, { workerId: "test" }), reason);
      return id;
    },
    async addFailedMessage(consumerGroup, reason) {
      const id = createInboxEventId();
      await prisma.$executeRawUnsafe(
        `INSERT INTO ${schema}.inbox_event (id, message_id, consumer_group, source, event_type, schema_version, topic,
           partition_key, bucket, payload, max_attempts, attempts_made, status, last_error)
         VALUES ($1::uuid, $1, $2, 'shipping.orders', 'order.placed', '1.0.0', 'orders', 'order-1', 7, '{"customer":"Ada"}', 10, 10, 'failed', $3)`,
        id,
        consumerGroup,
        reason,
      );
      return id;
    },
    async contents() {
      const rows = await prisma.$queryRawUnsafe<{ row: string }[]>(
        `SELECT event::text AS row FROM ${schema}.outbox_event AS event
         UNION ALL SELECT event::text FROM ${schema}.inbox_event AS event ORDER BY 1`,
      );
      return rows.map(({ row }) => row).join("\n");
    },
    async close() {
      await prisma.$executeRawUnsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      await prisma.$disconnect();
    },
  };
}
