import { randomBytes, randomUUID } from "node:crypto";
import { createServer } from "node:net";
import { inspect } from "node:util";
import type { OutboxEventDraft } from "@omni-box/core";
import { createPrismaInboxRepository, createPrismaOutboxRepository } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PrismaClient } from "./generated/client.js";
import { databaseUrl, openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { refOf, sampleEvents } from "./sample-event.js";
import { pendingRow, refOfMessage, sampleMessage, sampleMessages } from "./sample-message.js";

let database: TestDatabase;
const clients: PrismaClient[] = [];
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(async () => {
  for (const client of clients) await client.$disconnect();
  await database.close();
});
beforeEach(() => database.empty());

/** A repository over a connection of its own, opened with the given settings. */
function repositoryWith({ url = databaseUrl, options }: { url?: string; options?: string } = {}) {
  const adapter = new PrismaPg({ connectionString: url, max: 1, ...(options && { options }) });
  const client = new PrismaClient({ adapter });
  clients.push(client);
  return { client, repository: createPrismaOutboxRepository(client, { schema: database.schema }) };
}

const changed = (fields: Partial<Pick<URL, "port" | "pathname" | "username">>): string =>
  Object.assign(new URL(databaseUrl), fields).href;
const request = () => ({ token: randomUUID(), workerId: "w", leaseMs: 1_000, limit: 1 });

describe("what the real driver reports becomes", () => {
  it("STORE.UNREACHABLE when nothing listens", async () => {
    const port = await freePort();
    const { repository } = repositoryWith({ url: changed({ port: String(port) }) });
    await expect(repository.claim(request())).rejects.toMatchObject({
      code: "STORE.UNREACHABLE",
      message: expect.stringContaining("could not claim events"),
    });
  });

  it("STORE.UNREACHABLE when the connection is cut during a statement, and the next one works", async () => {
    const { client, repository } = repositoryWith();
    const [row] = await client.$queryRawUnsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid");
    const seen = database.prisma.$transaction(async (tx) => {
      await tx.$executeRawUnsafe(`LOCK TABLE ${database.schema}.outbox_event`);
      const claiming = expect(repository.claim(request())).rejects.toMatchObject({ code: "STORE.UNREACHABLE" });
      await expect
        .poll(() =>
          database.prisma.$queryRawUnsafe(
            "SELECT 1 AS one FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'",
            row?.pid,
          ),
        )
        .toHaveLength(1);
      await tx.$executeRawUnsafe("SELECT pg_terminate_backend($1)", row?.pid);
      await claiming;
    });
    await seen;
    expect(await repository.claim(request())).toEqual([]);
  });

  it("STORE.UNREACHABLE when the connection died between two statements, and the next one works", async () => {
    const { client, repository } = repositoryWith();
    const [row] = await client.$queryRawUnsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid");
    await database.prisma.$executeRawUnsafe("SELECT pg_terminate_backend($1)", row?.pid);
    const outcomes = [];
    for (let turn = 0; turn < 2; turn += 1) {
      outcomes.push(
        await repository.claim(request()).then(
          () => "ok",
          (error: { code?: string }) => error.code,
        ),
      );
    }
    // Whether the pool has noticed in time is up to the driver.
    expect(outcomes[0]).toMatch(/^(STORE\.UNREACHABLE|ok)$/);
    expect(outcomes[1]).toBe("ok");
  });

  it("STORE.SCHEMA_MISSING when the database does not exist", async () => {
    const { repository } = repositoryWith({
      url: changed({ pathname: "/omni_box_no_such_database" }),
    });
    await expect(repository.claim(request())).rejects.toMatchObject({ code: "STORE.SCHEMA_MISSING" });
  });

  it("STORE.ACCESS_DENIED when the role does not exist", async () => {
    const { repository } = repositoryWith({ url: changed({ username: "omni_box_no_such_role" }) });
    await expect(repository.claim(request())).rejects.toMatchObject({ code: "STORE.ACCESS_DENIED" });
  });

  it("STORE.UNREACHABLE when the connection leads to a read-only server", async () => {
    const { repository } = repositoryWith({ options: "-c default_transaction_read_only=on" });
    await expect(repository.claim(request())).rejects.toMatchObject({
      code: "STORE.UNREACHABLE",
      meta: { sqlState: "25006" },
    });
  });

  it.each([
    ["STORE.TIMEOUT", "-c statement_timeout=100", "57014"],
    ["STORE.CONFLICT", "-c lock_timeout=100", "55P03"],
  ])("%s when the session has %s", async (code, options, sqlState) => {
    const { repository } = repositoryWith({ options });
    await database.prisma.$transaction(async (tx) => {
      await tx.$executeRawUnsafe(`LOCK TABLE ${database.schema}.outbox_event`);
      await expect(repository.claim(request())).rejects.toMatchObject({ code, meta: { sqlState } });
    });
  });

  it("STORE.CONFLICT when a statement meets a newer version under REPEATABLE READ", async () => {
    const drafts = sampleEvents(1);
    await database.prisma.$transaction((tx) => repositoryWith().repository.add(tx, drafts));
    const { repository } = repositoryWith({ options: "-c default_transaction_isolation=repeatable\\ read" });
    const id = drafts[0]?.id ?? "";
    let locking: Promise<unknown> | undefined;
    await database.prisma.$transaction(async (tx) => {
      await tx.$executeRawUnsafe(`UPDATE ${database.schema}.outbox_event SET last_error = 'x'`);
      locking = expect(repository.lock(id, request())).rejects.toMatchObject({
        code: "STORE.CONFLICT",
        meta: { sqlState: "40001" },
      });
      await expect
        .poll(() =>
          database.prisma.$queryRawUnsafe(
            "SELECT 1 AS one FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1",
            `%${database.schema}%`,
          ),
        )
        .not.toHaveLength(0);
    });
    await locking;
  });
});

it("an error that a trigger raises reaches the relay without the row that it shows, and your transaction as it is", async () => {
  const secret = "4111-1111-1111-1111";
  const { schema, prisma } = database;
  const { client, repository } = repositoryWith();
  await client.$transaction((tx) => repository.add(tx, sampleEvents(1, { payload: { card: secret } })));
  const lease = request();
  const rows = (await repository.claim(lease)).map(refOf);
  await prisma.$executeRawUnsafe(`
    CREATE FUNCTION ${schema}.refuse() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'refused: %', coalesce(to_jsonb(OLD), to_jsonb(NEW)); END $$`);
  await prisma.$executeRawUnsafe(
    `CREATE TRIGGER refuse BEFORE INSERT OR DELETE ON ${schema}.outbox_event FOR EACH ROW EXECUTE FUNCTION ${schema}.refuse()`,
  );
  try {
    const recording = repository.recordCompleted({ kind: "lease", token: lease.token }, rows);
    const error = await recording.then(
      () => expect.unreachable("the trigger did not refuse"),
      (error: Error & { code?: string; meta?: object }) => error,
    );
    expect(error).toMatchObject({ code: "STORE.TRANSACTION_FAILED", meta: { sqlState: "P0001" } });
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
    const adding = client.$transaction((tx) => repository.add(tx, sampleEvents(1)));
    await expect(adding).rejects.toMatchObject({ code: "P2010" });
  } finally {
    await prisma.$executeRawUnsafe(`DROP FUNCTION ${schema}.refuse() CASCADE`);
  }
});

describe("a role without rights", () => {
  const role = `omni_box_test_${randomBytes(6).toString("hex")}`;
  beforeAll(async () => {
    await database.prisma.$executeRawUnsafe(`CREATE ROLE ${role}`);
    await database.prisma.$executeRawUnsafe(`GRANT USAGE ON SCHEMA ${database.schema} TO ${role}`);
    await database.prisma.$executeRawUnsafe(`GRANT SELECT ON ${database.schema}.outbox_event TO ${role}`);
  });
  afterAll(async () => {
    await database.prisma.$executeRawUnsafe(`DROP OWNED BY ${role}`);
    await database.prisma.$executeRawUnsafe(`DROP ROLE ${role}`);
  });

  it("gets STORE.ACCESS_DENIED from the statements", async () => {
    const { client, repository } = repositoryWith({ options: `-c role=${role}` });
    await expect(repository.claim(request())).rejects.toMatchObject({ code: "STORE.ACCESS_DENIED" });
    await expect(client.$transaction((tx) => repository.add(tx, sampleEvents(1)))).rejects.toMatchObject({
      code: "STORE.ACCESS_DENIED",
    });
  });

  it("is told by verify what to grant, all at once", async () => {
    const { repository } = repositoryWith({ options: `-c role=${role}` });
    expect(await repository.verify()).toEqual([
      expect.stringContaining("no right to UPDATE, DELETE on outbox_event"),
      expect.stringContaining("no right to SELECT, UPDATE on outbox_bucket"),
      expect.stringContaining("no right to SELECT, INSERT, UPDATE, DELETE on outbox_worker"),
      expect.stringContaining("no right to SELECT on outbox_setting"),
      expect.stringContaining("no right to SELECT on omni_box_migration"),
    ]);
  });

  it("that may not even use the schema is told so too", async () => {
    await database.prisma.$executeRawUnsafe(`REVOKE USAGE ON SCHEMA ${database.schema} FROM ${role}`);
    const { repository } = repositoryWith({ options: `-c role=${role}` });
    expect(await repository.verify()).toHaveLength(5);
    await database.prisma.$executeRawUnsafe(`GRANT USAGE ON SCHEMA ${database.schema} TO ${role}`);
  });
});

describe("a role with exactly the rights that the README names", () => {
  const roles = ["producer", "relay"].map((kind) => `omni_box_test_${kind}_${randomBytes(6).toString("hex")}`);
  const [producer, relay] = roles;
  const run = (sql: string) => database.prisma.$executeRawUnsafe(sql);
  beforeAll(async () => {
    const { schema } = database;
    for (const role of roles) {
      await run(`CREATE ROLE ${role}`);
      await run(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
      await run(`GRANT SELECT ON ${schema}.outbox_setting TO ${role}`);
    }
    await run(`GRANT INSERT, SELECT ON ${schema}.outbox_event TO ${producer}`);
    await run(`GRANT SELECT, UPDATE, DELETE ON ${schema}.outbox_event TO ${relay}`);
    await run(`GRANT SELECT, UPDATE ON ${schema}.outbox_bucket TO ${relay}`);
    await run(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.outbox_worker TO ${relay}`);
    await run(`GRANT SELECT ON ${schema}.omni_box_migration TO ${relay}`);
  });
  afterAll(async () => {
    for (const role of roles) {
      await run(`DROP OWNED BY ${role}`);
      await run(`DROP ROLE ${role}`);
    }
  });

  it("can add as a producer, and verify, claim and record as a relay", async () => {
    const { client, repository } = repositoryWith({ options: `-c role=${producer}` });
    const add = () => client.$transaction((tx) => repository.add(tx, [keyed]));
    const [keyed] = sampleEvents(1, { idempotencyKey: "payment-1" }) as [OutboxEventDraft];
    expect(await add()).toMatchObject([{ duplicate: false }]);
    expect(await add()).toMatchObject([{ duplicate: true }]);

    const worker = repositoryWith({ options: `-c role=${relay}` }).repository;
    expect(await worker.verify()).toEqual([]);
    const lease = request();
    const rows = (await worker.claim(lease)).map(refOf);
    const fence = { kind: "lease", token: lease.token } as const;
    expect(await worker.extendLease(fence, rows, 1_000)).toEqual({ missing: [] });
    expect(await worker.recordCompleted(fence, rows)).toEqual({ missing: [] });
    expect(rows).toHaveLength(1);
  });

  it("can own buckets as a relay, and read, record and give up what is in them", async () => {
    const { client, repository } = repositoryWith({ options: `-c role=${producer}` });
    await client.$transaction((tx) => repository.add(tx, sampleEvents(2)));
    const worker = repositoryWith({ options: `-c role=${relay}` }).repository;
    const { buckets } = worker;
    if (buckets === undefined) throw new Error("the repository has no buckets");
    const owner = "relay";
    const acquired = await buckets.acquire({ owner, leaseMs: 60_000, graceMs: 0, limit: 64 });
    const fence = { kind: "buckets", owner, epochs: new Map(acquired.map((one) => [one.bucket, one.epoch])) } as const;
    expect((await buckets.renew(fence, 60_000)).held).toHaveLength(64);
    expect((await buckets.survey(0)).workers).toEqual([{ id: owner, owned: 64 }]);
    expect(await buckets.endSchedules(fence, 10)).toEqual([]);
    const from = acquired.map(({ bucket }) => ({ bucket, afterSeq: 0n, limit: 10 }));
    const { rows } = await buckets.read({ from, limit: 10, exceptSeqs: [], exceptKeys: [] });
    const refs = rows.map(({ event }) => refOf(event));
    expect(refs).toHaveLength(2);
    expect(await worker.recordCompleted(fence, refs)).toEqual({ missing: [] });
    await buckets.markClean(fence);
    await buckets.release(fence);
    await buckets.leave(owner);
    expect((await buckets.survey(0)).free).toBe(64);
  });
});

describe("an inbox's role with exactly the rights that the README names", () => {
  const role = `omni_box_test_inbox_${randomBytes(6).toString("hex")}`;
  const run = (sql: string) => database.prisma.$executeRawUnsafe(sql);
  beforeAll(async () => {
    const { schema } = database;
    await run(`CREATE ROLE ${role}`);
    await run(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    await run(`GRANT SELECT ON ${schema}.outbox_setting, ${schema}.omni_box_migration TO ${role}`);
    await run(`GRANT SELECT, INSERT, UPDATE ON ${schema}.inbox_event TO ${role}`);
  });
  afterAll(async () => {
    await run(`DROP OWNED BY ${role}`);
    await run(`DROP ROLE ${role}`);
  });

  it("is told to be granted the sequence, and then can verify, insert, claim and record", async () => {
    const { client } = repositoryWith({ options: `-c role=${role}` });
    const inbox = createPrismaInboxRepository(client, { schema: database.schema });
    const without = { sequences: false };
    expect(await inbox.verify(without)).toEqual([expect.stringContaining("no right to USAGE on inbox_event_seq_seq")]);
    await run(`GRANT USAGE ON SEQUENCE ${database.schema}.inbox_event_seq_seq TO ${role}`);
    expect(await inbox.verify(without)).toEqual([]);
    await inbox.transaction((tx) => tx.insertCompleted([sampleMessage()], { behindPending: "leave" }), {
      timeoutMs: 5_000,
    });
    await inbox.store(sampleMessages(2).map((draft) => pendingRow(draft)));
    const lease = request();
    const [event] = await inbox.claim(lease);
    if (event === undefined) throw new Error("nothing was claimed");
    const fence = { kind: "lease", token: lease.token } as const;
    expect(await inbox.recordStarted(fence, refOfMessage(event), 2)).toEqual({ missing: [] });
    expect(await inbox.recordCompleted(fence, [refOfMessage(event)])).toEqual({ missing: [] });

    const lacks = expect.stringContaining("no right to SELECT, INSERT, UPDATE on inbox_sequence");
    expect(await inbox.verify()).toEqual([lacks]);
    expect(await inbox.verify({ sequences: true })).toEqual([lacks]);
    await run(`GRANT SELECT, INSERT, UPDATE ON ${database.schema}.inbox_sequence TO ${role}`);
    expect(await inbox.verify({ sequences: true })).toEqual([]);
    const raise = { consumerGroup: "shipping", topic: "orders", partitionKey: "k", seq: 1n };
    expect(await inbox.transaction((tx) => tx.raiseSequences([raise]), { timeoutMs: 5_000 })).toEqual([true]);
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
