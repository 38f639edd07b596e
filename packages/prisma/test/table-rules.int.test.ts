import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";

/** What the agreement with the Prisma fragment cannot see. */
let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const soundRow: Readonly<Record<string, string>> = {
  id: "gen_random_uuid()",
  event_type: "'order.placed'",
  schema_version: "'1'",
  topic: "'orders'",
  partition_key: "'k'",
  bucket: "0",
  payload: "'{}'",
  max_attempts: "10",
};
const extra = {
  outbox_event: { aggregate_type: "'order'", aggregate_id: "'1'" },
  inbox_event: { message_id: "'m'", consumer_group: "'g'", source: "'s'" },
} as const;
type EventTable = keyof typeof extra;

function insert(table: EventTable, fields: Readonly<Record<string, string>> = {}): Promise<number> {
  const row: Record<string, string> = { ...soundRow, ...extra[table], ...fields };
  return database.prisma.$executeRawUnsafe(
    `INSERT INTO ${database.schema}.${table} (${Object.keys(row).join(", ")}) VALUES (${Object.values(row).join(", ")})`,
  );
}

const query = <Row>(sql: string) => database.prisma.$queryRawUnsafe<Row[]>(sql.replaceAll("$schema", database.schema));

describe.each<EventTable>(["outbox_event", "inbox_event"])("%s", (table) => {
  it("accepts a sound row", async () => {
    expect(await insert(table)).toBe(1);
    await database.prisma.$executeRawUnsafe(`TRUNCATE ${database.schema}.${table}`);
  });

  const now = "statement_timestamp()";
  const token = "gen_random_uuid()";
  it.each<[string, string, Record<string, string>]>([
    ["an unknown status", "status_check", { status: "'running'" }],
    ["completed without a time", "completed_check", { status: "'completed'" }],
    ["a time of completion without being completed", "completed_check", { completed_at: now }],
    ["a lease token without an end", "lease_check", { lease_token: token }],
    ["an end of a lease without a token", "lease_check", { lease_until: now }],
    ["a failed row under a lease", "leased_check", { status: "'failed'", lease_token: token, lease_until: now }],
    [
      "a completed row under a lease",
      "leased_check",
      { status: "'completed'", completed_at: now, lease_token: token, lease_until: now },
    ],
    ["more attempts than allowed", "attempts_check", { attempts_made: "11" }],
    ["negative attempts", "attempts_check", { attempts_made: "-1" }],
    ["no attempt allowed", "attempts_check", { max_attempts: "0" }],
    ["negative lone starts", "started_attempts_check", { started_attempts: "-1" }],
    ["an error of more than 2,000 bytes", "last_error_check", { last_error: "repeat('ä', 1001)" }],
    ["a negative bucket", "bucket_check", { bucket: "-1" }],
    ["a payload that is no object", "payload_check", { payload: "'[]'" }],
    ["headers that are no object", "headers_check", { headers: "'1'" }],
  ])("refuses %s", async (_name, constraint, fields) => {
    await expect(insert(table, fields)).rejects.toThrow(new RegExp(`${table}_${constraint}`));
  });

  it("refuses a seq from outside, so that only the database numbers events", async () => {
    await expect(insert(table, { seq: "1" })).rejects.toThrow(/428C9/);
  });

  it("numbers without a cache, which would hand out numbers out of order", async () => {
    const [sequence] = await query<{ cache: bigint; identity: string }>(
      `SELECT seqcache AS cache, attidentity::text AS identity
       FROM pg_sequence JOIN pg_attribute ON attrelid = '$schema.${table}'::regclass AND attname = 'seq'
       WHERE seqrelid = pg_get_serial_sequence('$schema.${table}', 'seq')::regclass`,
    );
    expect(sequence).toEqual({ cache: 1n, identity: "a" });
  });

  it("sets room in its pages and its own autovacuum thresholds", async () => {
    const [row] = await query<{ options: string[] }>(
      `SELECT reloptions AS options FROM pg_class WHERE oid = '$schema.${table}'::regclass`,
    );
    expect(row?.options).toContainEqual(expect.stringMatching(/^fillfactor=\d+$/));
    expect(row?.options).toContain("autovacuum_vacuum_scale_factor=0");
  });
});

describe("the indexes", () => {
  it("are partial, fit the claims, and hold no column that a claim changes", async () => {
    const indexes = await query<{ name: string; definition: string }>(
      `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
       FROM pg_index WHERE indrelid = '$schema.outbox_event'::regclass`,
    );
    const byName = new Map(indexes.map(({ name, definition }) => [name.split(".").pop(), definition]));
    expect(byName.get("outbox_event_due_idx")).toMatch(
      /\(COALESCE\(next_attempt_at, scheduled_at, created_at\), seq\) WHERE \(status = 'pending'::text\)$/,
    );
    expect(byName.get("outbox_event_unscheduled_idx")).toMatch(
      /\(bucket, seq\) WHERE \(\(status = 'pending'::text\) AND \(scheduled_at IS NULL\)\)$/,
    );
    expect(byName.get("outbox_event_scheduled_idx")).toMatch(
      /\(bucket, scheduled_at, seq\) WHERE \(\(status = 'pending'::text\) AND \(scheduled_at IS NOT NULL\)\)$/,
    );
    expect(byName.get("outbox_event_failed_key_idx")).toMatch(
      /\(bucket, partition_key, seq\) WHERE \(status = 'failed'::text\)$/,
    );
    // Each index costs every insert something: the keys, the two orders of reading and what is scheduled. The others are of events
    // that are not pending.
    const ofOthers = ["outbox_event_completed_idx", "outbox_event_dead_letter_idx", "outbox_event_failed_idx"];
    for (const name of ofOthers) expect(byName.get(name)).toMatch(/WHERE \(+status = '(failed|completed)'::text\)/);
    expect([...byName.keys()].sort()).toEqual([
      "outbox_event_completed_idx",
      "outbox_event_dead_letter_idx",
      "outbox_event_due_idx",
      "outbox_event_failed_idx",
      "outbox_event_failed_key_idx",
      "outbox_event_id_key",
      "outbox_event_idempotency_key_key",
      "outbox_event_pkey",
      "outbox_event_scheduled_idx",
      "outbox_event_unscheduled_idx",
    ]);
    expect(byName.get("outbox_event_idempotency_key_key")).toMatch(
      /^CREATE UNIQUE .* WHERE \(idempotency_key IS NOT NULL\)$/,
    );
    for (const definition of byName.values()) expect(definition).not.toMatch(/lease_|locked_by|history/);
  });

  it("of the inbox begin with the consumer group, so that no claim walks through another group's rows", async () => {
    const indexes = await query<{ definition: string }>(
      "SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = '$schema.inbox_event'::regclass",
    );
    const definitions = indexes.map(({ definition }) => definition.replace(/^.* USING btree /, ""));
    expect(definitions).toContain(
      "(consumer_group, COALESCE(next_attempt_at, scheduled_at, created_at), seq) WHERE (status = 'pending'::text)",
    );
    expect(definitions).toContain("(consumer_group, partition_key, seq) WHERE (status = 'pending'::text)");
    for (const definition of definitions) expect(definition).not.toMatch(/lease_|locked_by/);
  });

  it("let a claim update rows in place", async () => {
    for (let index = 0; index < 200; index += 1)
      await insert("outbox_event", { payload: `'{"text": "${"x".repeat(300)}"}'` });
    // The statistics of a table are cumulative and reported late, the transaction's own are at hand.
    const [row] = await database.prisma.$transaction(async (tx) => {
      await tx.$executeRawUnsafe(
        `UPDATE ${database.schema}.outbox_event SET lease_token = gen_random_uuid(), lease_until = statement_timestamp(), locked_by = 'w'`,
      );
      return tx.$queryRawUnsafe<{ updated: bigint; in_place: bigint }[]>(
        `SELECT pg_stat_get_xact_tuples_updated(oid) AS updated, pg_stat_get_xact_tuples_hot_updated(oid) AS in_place
         FROM pg_class WHERE oid = '${database.schema}.outbox_event'::regclass`,
      );
    });
    expect(row?.updated).toBe(200n);
    expect(row?.in_place).toBeGreaterThan(180n);
  });

  it("make a message unique per consumer group", async () => {
    await insert("inbox_event");
    await insert("inbox_event", { consumer_group: "'other'", idempotency_key: "'key'" });
    await insert("inbox_event", { message_id: "'other'", idempotency_key: "'key'" });
    await expect(insert("inbox_event")).rejects.toThrow(/23505/);
  });
});

describe("the tables of workers", () => {
  it("start with 64 free buckets and the setting that goes with them", async () => {
    expect(await query("SELECT bucket_count, hash_version FROM $schema.outbox_setting")).toEqual([
      { bucket_count: 64, hash_version: 1 },
    ]);
    const buckets = await query<{ bucket: number }>(
      "SELECT bucket FROM $schema.outbox_bucket WHERE owner IS NULL ORDER BY bucket",
    );
    expect(buckets.map(({ bucket }) => bucket)).toEqual(Array.from({ length: 64 }, (_, index) => index));
  });

  it("refuse a negative count of unclean take-overs", async () => {
    await expect(query("UPDATE $schema.outbox_bucket SET unclean_takeovers = -1 WHERE bucket = 0")).rejects.toThrow(
      /outbox_bucket_unclean_takeovers_check/,
    );
  });

  it("allow one setting", async () => {
    const second = "INSERT INTO $schema.outbox_setting (id, bucket_count, hash_version) VALUES (2, 8, 1)";
    await expect(query(second)).rejects.toThrow(/outbox_setting_one_row_check/);
  });

  it("have a unique index on bucket and epoch, which makes a take-over wait for outcomes that hold the bucket", async () => {
    const definitions = await query<{ definition: string }>(
      "SELECT pg_get_indexdef(indexrelid) AS definition FROM pg_index WHERE indrelid = '$schema.outbox_bucket'::regclass",
    );
    expect(definitions.map(({ definition }) => definition)).toContainEqual(
      expect.stringMatching(/^CREATE UNIQUE .*\(bucket, epoch\)$/),
    );
  });
});
