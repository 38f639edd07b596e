import { type DoctorFinding, type ExamineStoreOptions, examineStore } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PrismaClient } from "./generated/client.js";
import { databaseUrl, openTestDatabase, type TestDatabase } from "./open-test-database.js";

let database: TestDatabase;
const clients: PrismaClient[] = [];
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(async () => {
  for (const client of clients) await client.$disconnect();
  await database.close();
});

const examine = (options: ExamineStoreOptions = {}, client = database.prisma) =>
  examineStore(client, { schema: database.schema, ...options });

/** Those of one thing, or all that are not well. */
const about = (findings: readonly DoctorFinding[], name: string) => findings.filter((each) => each.name === name);
/** What other tests on the same server do, and how a server for tests is set up, is not of interest. */
const complaints = (findings: readonly DoctorFinding[]) =>
  findings.filter(
    ({ name, status, found }) =>
      status !== "ok" && name !== "open transactions" && !/^(fsync|full_page_writes|autovacuum) is off/.test(found),
  );

const run = (sql: string) => database.prisma.$executeRawUnsafe(sql.replaceAll("$schema", database.schema));

/** A client whose sessions begin with these settings. */
function connectWith(settings: string, url = databaseUrl): PrismaClient {
  const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, options: settings, max: 2 }) });
  clients.push(client);
  return client;
}

describe("examineStore", () => {
  it("finds everything well in a new database, and says what it has looked at", async () => {
    const findings = await examine();
    expect(complaints(findings)).toEqual([]);
    expect([...new Set(findings.map(({ name }) => name))]).toEqual([
      "connection",
      "migrations",
      "tables",
      "columns",
      "constraints",
      "indexes",
      "sequences",
      "storage settings",
      "rights",
      "buckets",
      "transactions",
      "isolation",
      "autovacuum",
      "durability",
      "clock",
      "open transactions",
      "dead rows",
    ]);
    expect(findings[0]?.found).toMatch(/^PostgreSQL \d+.*, database .*, role /);
  });

  const breaks: readonly (readonly [what: string, change: string, undo: string, expected: Partial<DoctorFinding>])[] = [
    [
      "a missing index",
      "DROP INDEX $schema.outbox_event_due_idx",
      `CREATE INDEX outbox_event_due_idx ON $schema.outbox_event ((coalesce(next_attempt_at, scheduled_at, created_at)), seq)
         WHERE status = 'pending'`,
      {
        name: "indexes",
        status: "problem",
        found: expect.stringContaining("outbox_event_due_idx of outbox_event is missing"),
      },
    ],
    [
      "an index over other columns",
      `DROP INDEX $schema.outbox_event_failed_key_idx;
       CREATE INDEX outbox_event_failed_key_idx ON $schema.outbox_event (bucket) WHERE status = 'failed'`,
      `DROP INDEX $schema.outbox_event_failed_key_idx;
       CREATE INDEX outbox_event_failed_key_idx ON $schema.outbox_event (bucket, partition_key, seq) WHERE status = 'failed'`,
      {
        name: "indexes",
        status: "problem",
        found: expect.stringMatching(/outbox_event_failed_key_idx .* is USING btree \(bucket\)/),
      },
    ],
    [
      "an index that was left unfinished",
      "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '$schema.inbox_event_key_idx'::regclass",
      "UPDATE pg_index SET indisvalid = true WHERE indexrelid = '$schema.inbox_event_key_idx'::regclass",
      {
        name: "indexes",
        status: "problem",
        found: expect.stringContaining("inbox_event_key_idx of inbox_event is not valid"),
        advice: 'REINDEX INDEX CONCURRENTLY "inbox_event_key_idx"',
      },
    ],
    [
      "an index of the application's own",
      "CREATE INDEX extra ON $schema.outbox_event (lease_until)",
      "DROP INDEX $schema.extra",
      { name: "indexes", status: "warning", found: "outbox_event has a further index, extra" },
    ],
    [
      "a missing column",
      "ALTER TABLE $schema.inbox_event RENAME COLUMN body TO other",
      "ALTER TABLE $schema.inbox_event RENAME COLUMN other TO body",
      { name: "columns", status: "problem", found: "body of inbox_event is missing; the migrations say bytea" },
    ],
    [
      "a column of another type",
      "ALTER TABLE $schema.outbox_event ALTER COLUMN topic TYPE varchar(300)",
      "ALTER TABLE $schema.outbox_event ALTER COLUMN topic TYPE varchar(255)",
      {
        name: "columns",
        status: "problem",
        found: expect.stringContaining("topic of outbox_event is character varying(300)"),
      },
    ],
    [
      "a missing constraint",
      "ALTER TABLE $schema.outbox_event DROP CONSTRAINT outbox_event_lease_check",
      "ALTER TABLE $schema.outbox_event ADD CONSTRAINT outbox_event_lease_check CHECK ((lease_token IS NULL) = (lease_until IS NULL))",
      {
        name: "constraints",
        status: "problem",
        found: expect.stringContaining("outbox_event_lease_check of outbox_event is missing"),
      },
    ],
    [
      "numbers that sessions hold in stock",
      "ALTER SEQUENCE $schema.outbox_event_seq_seq CACHE 20",
      "ALTER SEQUENCE $schema.outbox_event_seq_seq CACHE 1",
      { name: "sequences", status: "problem", found: expect.stringContaining("is INCREMENT 1 CACHE 20") },
    ],
    [
      "another storage setting",
      "ALTER TABLE $schema.outbox_event RESET (autovacuum_vacuum_threshold)",
      "ALTER TABLE $schema.outbox_event SET (autovacuum_vacuum_threshold = 5000)",
      {
        name: "storage settings",
        status: "warning",
        found: expect.stringContaining("autovacuum_vacuum_threshold of outbox_event is missing"),
      },
    ],
    [
      "another fillfactor",
      "ALTER TABLE $schema.inbox_event SET (fillfactor = 100)",
      "ALTER TABLE $schema.inbox_event SET (fillfactor = 90)",
      { name: "storage settings", status: "warning", found: "fillfactor of inbox_event is 100; the migrations say 90" },
    ],
    [
      "a table without autovacuum",
      "ALTER TABLE $schema.outbox_event SET (autovacuum_enabled = false)",
      "ALTER TABLE $schema.outbox_event RESET (autovacuum_enabled)",
      { name: "autovacuum", status: "problem", found: "it is switched off for outbox_event" },
    ],
    [
      "a missing table",
      "ALTER TABLE $schema.inbox_sequence RENAME TO other",
      "ALTER TABLE $schema.other RENAME TO inbox_sequence",
      { name: "tables", status: "problem", found: expect.stringContaining("inbox_sequence") },
    ],
    [
      "a migration that was changed afterwards",
      "UPDATE $schema.omni_box_migration SET checksum = reverse(checksum) WHERE name = 'omni_box_inbox'",
      "UPDATE $schema.omni_box_migration SET checksum = reverse(checksum) WHERE name = 'omni_box_inbox'",
      { name: "migrations", status: "problem", found: "omni_box_inbox is not the migration that was applied" },
    ],
    [
      "a migration that was not applied",
      "DELETE FROM $schema.omni_box_migration WHERE name = 'omni_box_inbox'",
      "INSERT INTO $schema.omni_box_migration (name) VALUES ('omni_box_inbox')",
      { name: "migrations", status: "problem", found: "not applied: omni_box_inbox" },
    ],
    [
      "a migration of a later version",
      "INSERT INTO $schema.omni_box_migration (name) VALUES ('omni_box_later')",
      "DELETE FROM $schema.omni_box_migration WHERE name = 'omni_box_later'",
      { name: "migrations", status: "warning", found: "applied by a later version of omni-box: omni_box_later" },
    ],
    [
      "another version of the hash",
      "UPDATE $schema.outbox_setting SET hash_version = 2",
      "UPDATE $schema.outbox_setting SET hash_version = 1",
      { name: "buckets", status: "problem", found: expect.stringContaining("version 2 of the partition hash") },
    ],
    [
      "a bucket without a row",
      "UPDATE $schema.outbox_bucket SET bucket = 64 WHERE bucket = 7",
      "UPDATE $schema.outbox_bucket SET bucket = 7 WHERE bucket = 64",
      { name: "buckets", status: "problem", found: expect.stringContaining("1 are missing") },
    ],
  ];

  it.each(breaks)("reports %s, and nothing else", async (_what, change, undo, expected) => {
    for (const statement of change.split(";")) await run(statement);
    try {
      const found = complaints(await examine());
      expect(found).toContainEqual(expect.objectContaining({ advice: expect.any(String), ...expected }));
      expect(found).toHaveLength(1);
    } finally {
      for (const statement of undo.split(";")) await run(statement);
    }
    expect(complaints(await examine())).toEqual([]);
  });

  it("compares the bucket count with the service's own", async () => {
    expect(about(await examine({ bucketCount: 16 }), "buckets")).toEqual([
      expect.objectContaining({ status: "problem", found: expect.stringContaining("records 64 buckets") }),
    ]);
  });

  it("reports everything at once where there are no tables, and throws nothing", async () => {
    const findings = await examine({ schema: "omni_box_test_nowhere" });
    expect(about(findings, "tables")).toEqual([
      {
        name: "tables",
        status: "problem",
        found: 'there is none of omni-box\'s tables in the schema "omni_box_test_nowhere"',
        advice: expect.stringContaining("applyOmniBoxMigrations"),
      },
    ]);
    expect(about(findings, "migrations")).toEqual([
      expect.objectContaining({ status: "problem", found: expect.stringContaining("STORE.SCHEMA_MISSING") }),
    ]);
    expect(about(findings, "transactions")).toEqual([expect.objectContaining({ status: "ok" })]);
    expect(about(findings, "rights")).toEqual([]);
  });

  it("reports a role without rights, right by right, and what it could not look at", async () => {
    const role = `${database.schema}_role`;
    await run(`CREATE ROLE ${role} LOGIN`);
    try {
      await run(`GRANT USAGE ON SCHEMA $schema TO ${role}`);
      await run(`GRANT SELECT ON ALL TABLES IN SCHEMA $schema TO ${role}`);
      await run(`GRANT INSERT, UPDATE, DELETE ON $schema.inbox_event TO ${role}`);
      await run(`REVOKE SELECT ON $schema.omni_box_migration FROM ${role}`);
      const findings = await examine({}, connectWith(`-c role=${role}`));
      const rights = about(findings, "rights");
      expect(rights).toContainEqual(
        expect.objectContaining({
          status: "warning",
          found: "the role has no right to INSERT, UPDATE, DELETE on outbox_event",
        }),
      );
      expect(rights).toContainEqual(
        expect.objectContaining({ status: "problem", found: "the role has no right to SELECT on omni_box_migration" }),
      );
      expect(rights.filter(({ found }) => found.includes("inbox_event"))).toEqual([]);
      expect(about(findings, "migrations")).toEqual([
        expect.objectContaining({ status: "problem", found: expect.stringContaining("STORE.ACCESS_DENIED") }),
      ]);
    } finally {
      await run(`DROP OWNED BY ${role}`);
      await run(`DROP ROLE ${role}`);
    }
  });

  it("says of a server that does not answer that it does not, and no more", async () => {
    const url = new URL(databaseUrl);
    url.port = "1";
    expect(await examine({ statementTimeoutMs: 2_000 }, connectWith("", url.href))).toEqual([
      {
        name: "connection",
        status: "problem",
        found: expect.stringMatching(/could not be looked at: STORE\.(UNREACHABLE|TIMEOUT)/),
        advice: expect.any(String),
      },
    ]);
  });

  it("says of a database that does not exist that it does not, and no more", async () => {
    const url = new URL(databaseUrl);
    url.pathname = "/omni_box_no_such_database";
    expect(await examine({}, connectWith("", url.href))).toEqual([
      {
        name: "connection",
        status: "problem",
        found: "the database that the connection URL names does not exist",
        advice: "create it, or correct the connection URL",
      },
    ]);
  });

  it("says of a database that takes no writes that it takes none, and no more", async () => {
    expect(await examine({}, connectWith("-c default_transaction_read_only=on"))).toEqual([
      expect.objectContaining({ name: "connection", status: "problem", found: expect.stringContaining("read-only") }),
    ]);
  });

  it("reports an extension that takes statements out of their transaction", async () => {
    const { prisma } = database;
    // As the documentation of Prisma shows it for row-level security.
    const extended = prisma.$extends({
      query: {
        async $allOperations({ args, query }) {
          const [, result] = await prisma.$transaction([
            prisma.$executeRawUnsafe("SELECT set_config('app.tenant', '1', true)"),
            query(args),
          ]);
          return result;
        },
      },
    });
    expect(about(await examineStore(extended, { schema: database.schema }), "transactions")).toEqual([
      {
        name: "transactions",
        status: "problem",
        found: expect.stringContaining("different transactions"),
        advice: expect.stringContaining("row-level security"),
      },
    ]);
  });

  it("reports another isolation level", async () => {
    const findings = await examine({}, connectWith("-c default_transaction_isolation=serializable"));
    expect(complaints(findings)).toEqual([
      expect.objectContaining({
        name: "isolation",
        status: "warning",
        found: "transactions are serializable by default",
      }),
    ]);
  });

  it("reports commits that are reported before they are on disk", async () => {
    const findings = await examine({}, connectWith("-c synchronous_commit=off"));
    expect(complaints(findings)).toEqual([
      expect.objectContaining({
        name: "durability",
        status: "problem",
        found: expect.stringContaining("synchronous_commit is off"),
      }),
    ]);
  });

  it.each([
    [3_600_000, "behind"],
    [-3_600_000, "ahead of"],
  ])("reports a machine whose clock is %i ms off", async (off, side) => {
    const clock = {
      now: () => Date.now() + off,
      monotonicMs: () => performance.now(),
      schedule: () => () => undefined,
    };
    expect(about(await examine({ clock }), "clock")).toEqual([
      expect.objectContaining({
        status: "warning",
        found: expect.stringMatching(new RegExp(`(3599|3600)\\d{3} ms ${side} this`)),
      }),
    ]);
  });

  it("reports a transaction that has been open for long", async () => {
    const other = connectWith("-c application_name=forgetful");
    await other.$transaction(
      async (tx) => {
        await tx.$executeRawUnsafe("SELECT txid_current()");
        await expect
          .poll(async () => about(await examine({ longTransactionMs: 20 }), "open transactions"), { timeout: 20_000 })
          .toContainEqual(
            expect.objectContaining({
              status: "warning",
              found: expect.stringMatching(/open for \d+ s: process \d+ of forgetful, idle in transaction/),
            }),
          );
      },
      { timeout: 30_000 },
    );
  });

  it("reports many dead rows", async () => {
    await run("ALTER TABLE $schema.outbox_worker SET (autovacuum_enabled = false)");
    await run(
      "INSERT INTO $schema.outbox_worker SELECT i::text, statement_timestamp() FROM generate_series(1, 20) AS i",
    );
    await run("DELETE FROM $schema.outbox_worker");
    await expect
      .poll(async () => about(await examine({ deadRowsMax: 10 }), "dead rows"), { timeout: 30_000, interval: 200 })
      .toEqual([
        expect.objectContaining({ status: "warning", found: expect.stringMatching(/^outbox_worker has about 20/) }),
      ]);
    await run("ALTER TABLE $schema.outbox_worker RESET (autovacuum_enabled)");
  });

  it("refuses options that cannot be", async () => {
    await expect(examine({ bucketCount: 0, deadRowsMax: -1 })).rejects.toThrow(
      /CONFIG\.INVALID_OPTIONS.*bucketCount.*deadRowsMax/,
    );
    await database.prisma.$transaction(async (tx) => {
      await expect(examineStore(tx as never)).rejects.toThrow(/CONFIG\.INVALID_OPTIONS/);
    });
  });
});
