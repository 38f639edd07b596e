import { outboxRepositoryCases } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import { createPrismaModelOutboxRepository, type PrismaModelTransactionLike } from "@omni-box/prisma";
import { afterAll, beforeAll, describe } from "vitest";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";

describe("the Prisma outbox repository over the generated models keeps the contract", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await openTestDatabase();
  });
  afterAll(() => database.close());

  runCases(
    outboxRepositoryCases,
    async () => {
      await database.empty();
      const { prisma } = database;
      return {
        rootClient: prisma,
        createRepository: ({ onPublished }: { onPublished: "delete" | "keep" }) =>
          createPrismaModelOutboxRepository(prisma, { onPublished }),
        transaction: <Result>(work: (tx: PrismaModelTransactionLike) => Promise<Result>) =>
          prisma.$transaction(work, { timeout: 30_000 }),
        advanceTime: database.advanceTime,
        close: async () => undefined,
      };
    },
    { features: ["keepPublished", "concurrentTransactions", "rootClient"] },
  );
});
