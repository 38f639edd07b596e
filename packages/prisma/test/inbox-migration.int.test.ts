import { randomUUID } from "node:crypto";
import { applyOmniBoxMigrations, createPrismaInboxRepository } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readShippedMigrations } from "../src/shipped-migrations.js";
import { PrismaClient } from "./generated/client.js";
import { databaseUrl } from "./open-test-database.js";
import { pendingRow, sampleMessage } from "./sample-message.js";

let schema: string;
let prisma: PrismaClient;
/** The migrations that are not applied. */
let later: readonly string[];
beforeEach(async () => {
  schema = `omni_box_test_${randomUUID().replaceAll("-", "")}`;
  prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl, max: 2 }) });
  await prisma.$executeRawUnsafe(`CREATE SCHEMA ${schema}`);
  const [first, ...others] = await readShippedMigrations();
  later = others.map(({ name }) => name);
  if (first === undefined) throw new Error("no migration is shipped");
  await prisma.$transaction(async (tx) => {
    await tx.$executeRawUnsafe(`SET LOCAL search_path TO ${schema}`);
    await tx.$executeRawUnsafe(first.sql);
    await tx.$executeRawUnsafe(
      `INSERT INTO inbox_event (id, message_id, consumer_group, source, event_type, schema_version, topic, partition_key,
         bucket, payload, max_attempts)
       VALUES (gen_random_uuid(), 'old', 'shipping', 's', 't', '1', 'orders', 'k', 0, '{"a": 1}', 10)`,
    );
  });
});
afterEach(async () => {
  await prisma.$executeRawUnsafe(`DROP SCHEMA ${schema} CASCADE`);
  await prisma.$disconnect();
});

describe("a database with the first migration and rows in it", () => {
  it("is told by verify to be migrated, and works with its old rows afterwards", async () => {
    const repository = createPrismaInboxRepository(prisma, { schema });
    expect(await repository.verify()).toEqual([
      expect.stringMatching(/^missing .*: inbox_sequence, inbox_bucket, inbox_worker\. Run/),
      expect.stringContaining(`migrations not applied: ${later.join(", ")}`),
    ]);
    expect(await applyOmniBoxMigrations(prisma, { schema })).toEqual({ applied: later });
    expect(await repository.verify()).toEqual([]);
    const old = sampleMessage({ messageId: "old" });
    expect(await repository.store([pendingRow(old), pendingRow(sampleMessage())])).toMatchObject([
      { kind: "duplicate", status: "pending" },
      { kind: "stored" },
    ]);
    const filters = { consumerGroup: "shipping" };
    const claimed = await repository.claim({ token: randomUUID(), workerId: "w", leaseMs: 1_000, limit: 5, filters });
    expect(claimed).toMatchObject([{ messageId: "old", payload: { a: 1 }, body: null, senderSeq: null }, {}]);
  });
});
