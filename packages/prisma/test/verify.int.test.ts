import {
  createPrismaInboxRepository,
  createPrismaModelOutboxRepository,
  createPrismaOutboxRepository,
} from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shippedMigrationNames } from "../src/shipped-migrations.js";
import { PrismaClient } from "./generated/client.js";
import { databaseUrl, openTestDatabase, type TestDatabase } from "./open-test-database.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

const repository = (options: object = {}) =>
  createPrismaOutboxRepository(database.prisma, { schema: database.schema, ...options });

/** Runs SQL in the schema and undoes it after `check`. */
async function having(change: string, undo: string, check: () => Promise<void>): Promise<void> {
  await database.prisma.$executeRawUnsafe(change.replaceAll("$schema", database.schema));
  try {
    await check();
  } finally {
    await database.prisma.$executeRawUnsafe(undo.replaceAll("$schema", database.schema));
  }
}

describe("verify", () => {
  it("finds nothing wrong with migrated tables", async () => {
    expect(await repository().verify()).toEqual([]);
    expect(await createPrismaModelOutboxRepository(database.prisma).verify()).toEqual([]);
  });

  it("names all missing tables in one sentence, and the schema it looked in", async () => {
    expect(await repository({ schema: "omni_box_test_nowhere" }).verify()).toEqual([
      expect.stringMatching(
        /^missing in the schema "omni_box_test_nowhere": outbox_event, outbox_bucket, outbox_worker, outbox_setting, omni_box_migration\. Run applyOmniBoxMigrations or prisma migrate deploy/,
      ),
    ]);
    const adapter = new PrismaPg({ connectionString: databaseUrl, options: "-c search_path=omni_box_test_nowhere" });
    const elsewhere = new PrismaClient({ adapter });
    const problems = await createPrismaOutboxRepository(elsewhere).verify();
    await elsewhere.$disconnect();
    expect(problems).toEqual([expect.stringContaining("missing on the search_path")]);
  });

  it("reports several problems at once", async () => {
    const names = await shippedMigrationNames();
    await having(
      "DELETE FROM $schema.omni_box_migration",
      `INSERT INTO $schema.omni_box_migration (name) VALUES ${names.map((name) => `('${name}')`).join(", ")}`,
      async () => {
        expect(await repository({ bucketCount: 16 }).verify()).toEqual([
          expect.stringContaining(`migrations not applied: ${names.join(", ")}. Run`),
          expect.stringContaining("outbox_setting records 64 buckets, the repository was created with 16"),
        ]);
      },
    );
  });

  it("compares the version of the partition hash", async () => {
    await having(
      "UPDATE $schema.outbox_setting SET hash_version = 2",
      "UPDATE $schema.outbox_setting SET hash_version = 1",
      async () => {
        const problem = expect.stringContaining("set up for version 2 of the partition hash");
        expect(await repository().verify()).toEqual([problem]);
        expect(await createPrismaModelOutboxRepository(database.prisma).verify()).toEqual([problem]);
      },
    );
  });

  it("finds buckets that have no row and rows that are of no bucket", async () => {
    await having(
      "UPDATE $schema.outbox_bucket SET bucket = 64 WHERE bucket = 7",
      "UPDATE $schema.outbox_bucket SET bucket = 7 WHERE bucket = 64",
      async () => {
        expect(await repository().verify()).toEqual([
          expect.stringContaining(
            "records 64 buckets, but of their rows in outbox_bucket 1 are missing and 1 are too many",
          ),
        ]);
      },
    );
  });

  it("accepts migrations of a later version, which only add to the tables", async () => {
    await having(
      "INSERT INTO $schema.omni_box_migration (name) VALUES ('omni_box_later')",
      "DELETE FROM $schema.omni_box_migration WHERE name = 'omni_box_later'",
      async () => expect(await repository().verify()).toEqual([]),
    );
  });

  it("of the inbox looks for its own table and the sequence of its numbers", async () => {
    const inbox = (options: object = {}) =>
      createPrismaInboxRepository(database.prisma, { schema: database.schema, ...options });
    expect(await inbox().verify()).toEqual([]);
    expect(await inbox({ schema: "omni_box_test_nowhere" }).verify()).toEqual([
      expect.stringMatching(/inbox_event, inbox_event_seq_seq, .*outbox_setting, omni_box_migration/),
    ]);
    expect(await inbox({ bucketCount: 16 }).verify()).toEqual([expect.stringContaining("records 64 buckets")]);
  });

  it("asks for no right to delete where published events are kept", async () => {
    expect(await repository({ onPublished: "keep" }).verify()).toEqual([]);
  });
});

describe("the factories", () => {
  it("list all wrong options at once", () => {
    const wrong = { onPublished: "archive", bucketCount: 0, schema: "", tableName: "x" };
    expect(() => repository(wrong)).toThrow(
      /CONFIG\.INVALID_OPTIONS: createPrismaOutboxRepository: .*onPublished.*bucketCount.*schema.*tableName/,
    );
  });

  it("list the wrong options of an inbox too, those of its transactions among them", () => {
    const wrong = { lockTimeoutMs: 0, transaction: { isolationLevel: "Snapshot", timeoutMs: 1 } };
    expect(() => createPrismaInboxRepository(database.prisma, wrong as never)).toThrow(
      /CONFIG\.INVALID_OPTIONS: createPrismaInboxRepository: .*lockTimeoutMs.*isolationLevel.*timeoutMs/,
    );
  });

  it("refuse something that is no client, and a client without the models", () => {
    expect(() => createPrismaOutboxRepository({} as never)).toThrow(/client: expected a Prisma client/);
    const { $connect, $queryRawUnsafe, $executeRawUnsafe } = database.prisma;
    const withoutModels = { $connect, $queryRawUnsafe, $executeRawUnsafe };
    expect(() => createPrismaModelOutboxRepository(withoutModels as never)).toThrow(/models of omni-box.prisma/);
  });

  it("refuse a transaction client, whose repository would end with it", async () => {
    await database.prisma.$transaction(async (tx) => {
      expect(() => createPrismaOutboxRepository(tx as never)).toThrow(/CONFIG\.INVALID_OPTIONS/);
    });
  });
});
