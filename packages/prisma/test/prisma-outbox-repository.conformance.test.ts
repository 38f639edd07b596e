import { outboxRepositoryCases } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import {
  createPrismaOutboxAdministration,
  createPrismaOutboxRepository,
  type PrismaTransactionLike,
} from "@omni-box/prisma";
import { afterAll, beforeAll, describe } from "vitest";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";

describe("the Prisma outbox repository on PostgreSQL keeps the contract", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase();
  });
  afterAll(() => database.close());

  runCases(
    outboxRepositoryCases,
    async () => {
      await database.empty();
      const { prisma, schema } = database;
      return {
        rootClient: prisma,
        createRepository: ({ onPublished }: { onPublished: "delete" | "keep" }) =>
          createPrismaOutboxRepository(prisma, { schema, onPublished }),
        transaction: <Result>(work: (tx: PrismaTransactionLike) => Promise<Result>) =>
          prisma.$transaction(work, { timeout: 30_000 }),
        createAdministration: () => createPrismaOutboxAdministration(prisma, { schema }),
        advanceTime: database.advanceTime,
        lockEvent: async (tx: PrismaTransactionLike, id: string) => {
          await tx.$queryRawUnsafe(`SELECT seq FROM ${schema}.outbox_event WHERE id = $1::uuid FOR UPDATE`, id);
        },
        close: async () => undefined,
      };
    },
    {
      features: [
        "leasedClaim",
        "bulkOutcomes",
        "ownedBuckets",
        "administration",
        "rowLocks",
        "keepPublished",
        "concurrentTransactions",
        "rootClient",
      ],
    },
  );
});
