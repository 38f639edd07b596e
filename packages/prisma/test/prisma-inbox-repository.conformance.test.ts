import { inboxRepositoryCases } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import {
  createPrismaInboxAdministration,
  createPrismaInboxRepository,
  type PrismaTransactionLike,
} from "@omni-box/prisma";
import { afterAll, beforeAll, describe } from "vitest";
import type { Prisma, PrismaClient } from "./generated/client.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";

describe("the Prisma inbox repository on PostgreSQL keeps the contract", () => {
  let database: TestDatabase;
  let handlers: PrismaClient;
  beforeAll(async () => {
    database = await openTestDatabase();
    handlers = database.connect({ connections: 10 });
  });
  afterAll(() => database.close());

  const run = (tx: PrismaTransactionLike, sql: string, ...values: unknown[]) =>
    tx.$executeRawUnsafe(sql.replaceAll("$schema", database.schema), ...values);

  runCases(
    inboxRepositoryCases,
    async () => {
      await database.empty();
      const { prisma, schema } = database;
      return {
        createRepository: () => createPrismaInboxRepository(handlers, { schema }),
        async writeEffect(tx: Prisma.TransactionClient, name: string) {
          await run(tx, "INSERT INTO $schema.test_effect (name) VALUES ($1)", name);
        },
        async countEffects(name: string) {
          const found = await prisma.$queryRawUnsafe<unknown[]>(
            `SELECT 1 AS one FROM ${schema}.test_effect WHERE name = $1`,
            name,
          );
          return found.length;
        },
        async failStatement(tx: Prisma.TransactionClient) {
          await run(tx, "SELECT 1 / 0");
        },
        async rewriteEffect(tx: Prisma.TransactionClient, name: string) {
          await run(tx, "UPDATE $schema.test_effect SET name = name WHERE name = $1", name);
        },
        async cutConnection(tx: Prisma.TransactionClient) {
          const [backend] = await tx.$queryRawUnsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid");
          await prisma.$queryRawUnsafe("SELECT pg_terminate_backend($1)", backend?.pid);
        },
        createAdministration: () => createPrismaInboxAdministration(prisma, { schema }),
        advanceTime: database.advanceTime,
        close: async () => undefined,
      };
    },
    {
      features: [
        "leasedClaim",
        "bulkOutcomes",
        "keyHeads",
        "ownedBuckets",
        "administration",
        "concurrentTransactions",
        "writeConflicts",
        "connectionLoss",
      ],
    },
  );
});
