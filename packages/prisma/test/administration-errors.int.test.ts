import { randomBytes } from "node:crypto";
import {
  createPrismaInboxAdministration,
  createPrismaOutboxAdministration,
  createPrismaOutboxRepository,
} from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PrismaClient } from "./generated/client.js";
import { databaseUrl, openTestDatabase, type TestDatabase } from "./open-test-database.js";

let database: TestDatabase;
const suffix = randomBytes(5).toString("hex");
const [stranger, administrator] = [`omni_box_stranger_${suffix}`, `omni_box_administrator_${suffix}`];
const clients: PrismaClient[] = [];

/** A client whose statements have the rights of a role. */
function clientOf(role: string): PrismaClient {
  const options = `-c role=${role}`;
  const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl, max: 2, options }) });
  clients.push(client);
  return client;
}

beforeAll(async () => {
  database = await openTestDatabase();
  const { prisma, schema } = database;
  for (const role of [stranger, administrator]) {
    await prisma.$executeRawUnsafe(`CREATE ROLE ${role}`);
    await prisma.$executeRawUnsafe(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
  }
  for (const kind of ["outbox", "inbox"]) {
    await prisma.$executeRawUnsafe(`GRANT SELECT, UPDATE, DELETE ON ${schema}.${kind}_event TO ${administrator}`);
    await prisma.$executeRawUnsafe(
      `GRANT SELECT ON ${schema}.${kind}_bucket, ${schema}.${kind}_worker TO ${administrator}`,
    );
  }
});
afterAll(async () => {
  for (const client of clients) await client.$disconnect();
  for (const role of [stranger, administrator]) {
    await database.prisma.$executeRawUnsafe(`DROP OWNED BY ${role}`);
    await database.prisma.$executeRawUnsafe(`DROP ROLE ${role}`);
  }
  await database.close();
});

const id = "01902f7e-58a5-7d3e-a6b1-2f4c5d6e7f80";
const ref = { id, seq: 1n, failedAt: new Date() };

/** Every call of an administration. */
function callsOf(client: PrismaClient, schema: string) {
  return [
    createPrismaOutboxAdministration(client, { schema }),
    createPrismaInboxAdministration(client, { schema }),
  ].flatMap((administration) => [
    () => administration.list({ filter: {}, limit: 1 }),
    () => administration.find(id),
    () => administration.requeue({ filter: {}, limit: 1 }),
    () => administration.skip({ filter: {}, limit: 1 }),
    () => administration.purge({ filter: {}, limit: 1 }),
    () => administration.blockedKeys({ limit: 1 }),
    () => administration.statistics(),
    () => administration.removeOld({ status: "completed", olderThanMs: 0, limit: 1 }),
    () => administration.releaseExpiredLeases({ limit: 1 }),
    () => administration.takeDeadLetters({ limit: 1, leaseMs: 1 }),
    () => administration.recordDeadLettered([ref]),
    () => administration.recordDeadLetterFailed([{ ...ref, error: "no", delayMs: 0, attemptsMade: 1 }]),
  ]);
}

describe("the administration", () => {
  it("says that a right is missing", async () => {
    for (const call of callsOf(clientOf(stranger), database.schema)) {
      await expect(call()).rejects.toMatchObject({ code: "STORE.ACCESS_DENIED" });
    }
  });

  it("needs no more rights than its documentation names", async () => {
    for (const call of callsOf(clientOf(administrator), database.schema)) await expect(call()).resolves.not.toThrow();
  });

  it("says that the tables are missing", async () => {
    for (const call of callsOf(database.prisma, "nowhere_at_all")) {
      await expect(call()).rejects.toMatchObject({ code: "STORE.SCHEMA_MISSING" });
    }
  });

  it("is not made over anything else than a client, and names all problems", () => {
    expect(() => createPrismaOutboxAdministration({} as never, { schema: "", statementTimeoutMs: 0 })).toThrow(
      /createPrismaOutboxAdministration: 3 problems: client: expected a Prisma client .*schema.*statementTimeoutMs/,
    );
  });

  it("puts no text of a request into its statements", async () => {
    const { prisma, schema } = database;
    const administration = createPrismaOutboxAdministration(prisma, { schema });
    const text = "'; DROP TABLE outbox_event; --";
    const filter = { topics: [text], types: [text], partitionKeys: [text], errorContains: text, ids: [text] };
    expect(await administration.requeue({ filter, limit: 10, reason: text })).toEqual({
      changed: [],
      refused: [],
      missingIds: [text],
      more: false,
    });
    expect(await createPrismaOutboxRepository(prisma, { schema }).verify()).toEqual([]);
  });
});
