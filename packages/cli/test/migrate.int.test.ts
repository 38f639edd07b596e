import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliDatabase, openCliDatabase, serverUrl } from "./open-cli-database.js";
import { runCliHere } from "./run-cli-here.js";

let database: CliDatabase;
beforeEach(async () => {
  database = await openCliDatabase({ withTables: false });
});
afterEach(() => database.close());

const run = (...args: string[]) => runCliHere(args, { env: { DATABASE_URL: database.url } });

describe("omni-box migrate", () => {
  it("says what it would apply, applies it, and has nothing to do then", async () => {
    const before = await run("migrate", "status");
    expect(before.exitCode).toBe(3);
    expect(before.stdout).toMatch(/^omni_box_init +missing +- +-$/m);
    expect(before.stdout).toContain("Apply what is missing: omni-box migrate, or prisma migrate deploy.");

    const dry = JSON.parse((await run("migrate", "--dry-run", "--json")).stdout);
    expect(dry.dryRun).toBe(true);
    expect(dry.applied[0]).toBe("omni_box_init");
    expect((await run("migrate", "status")).exitCode).toBe(3);

    expect(await run("migrate")).toMatchObject({
      exitCode: 0,
      stdout: dry.applied.map((name: string) => `applied ${name}\n`).join(""),
    });
    expect((await run("migrate")).stdout).toMatch(/^nothing to do: .* has all migrations\n$/);
    const after = await run("migrate", "status", "--json");
    expect(after.exitCode).toBe(0);
    expect(JSON.parse(after.stdout).migrations[0]).toMatchObject({
      name: "omni_box_init",
      state: "applied",
      appliedBy: "omni-box",
    });
  });

  it("ends with 3 when an applied migration is not the package's, and goes on where a later version has added one", async () => {
    await run("migrate");
    const table = `${database.schema}.omni_box_migration`;
    await database.prisma.$executeRawUnsafe(`INSERT INTO ${table} (name) VALUES ('omni_box_future')`);
    const later = await run("migrate", "status");
    expect(later.exitCode).toBe(0);
    expect(later.stdout).toContain("Unknown: applied by a later version, which does no harm.");
    expect((await run("status")).exitCode).toBe(0);

    await database.prisma.$executeRawUnsafe(`UPDATE ${table} SET checksum = 'x' WHERE name = 'omni_box_init'`);
    expect((await run("migrate", "status")).exitCode).toBe(3);
    expect(await run("migrate")).toMatchObject({ exitCode: 1, stdout: "" });
  });
});

const everyCommand = [
  ["status"],
  ["status", "--inbox"],
  ["events", "list"],
  ["events", "show", "01900000-0000-7000-8000-000000000000"],
  ["events", "requeue", "--all"],
  ["events", "skip", "--all", "--yes"],
  ["events", "purge", "--all", "--yes"],
  ["keys", "list"],
  ["keys", "release", "order-1", "--requeue"],
  ["keys", "release", "order-1", "--discard", "--group", "shipping", "--yes"],
];

/** One line, a code, no stack, nothing on standard output. */
function expectOneLine({ stdout, stderr, exitCode }: Awaited<ReturnType<typeof run>>, code: string) {
  expect(stdout).toBe("");
  expect(stderr).toMatch(/^omni-box: [^\n]+ \([A-Z_.]+\)\n$/);
  expect(stderr).toContain(`(${code})`);
  expect(stderr).not.toContain("s3cret");
  expect(exitCode).toBe(1);
}

describe.each(everyCommand.map((args) => [args.join(" "), args] as const))("omni-box %s", (_name, args) => {
  it("says in one line that there are no tables", async () => {
    const result = await run(...args);
    expectOneLine(result, "STORE.SCHEMA_MISSING");
    expect(result.stderr).toContain("run omni-box migrate");
  });
});

describe("a database that cannot be used", () => {
  it("is told from one with the tables of an earlier version", async () => {
    await run("migrate");
    const { schema, prisma } = database;
    await prisma.$executeRawUnsafe(`DELETE FROM ${schema}.omni_box_migration WHERE name = 'omni_box_buckets'`);
    for (const args of everyCommand) {
      const result = await run(...args);
      expectOneLine(result, "CONFIG.STORE_NOT_READY");
      expect(result.stderr).toContain("without omni_box_buckets: run omni-box migrate");
    }
  });

  it("is told from one whose role has no rights, and nothing is changed", async () => {
    await run("migrate");
    const id = await database.addFailed("refused");
    const role = `omni_box_test_${randomBytes(6).toString("hex")}`;
    const { schema, prisma } = database;
    await prisma.$executeRawUnsafe(`CREATE ROLE ${role} LOGIN PASSWORD 's3cret'`);
    try {
      const url = new URL(database.url);
      url.username = role;
      url.password = "s3cret";
      const runAs = (...args: string[]) => runCliHere(args, { env: { DATABASE_URL: url.href } });
      await prisma.$executeRawUnsafe(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
      for (const args of [...everyCommand, ["migrate"], ["migrate", "--dry-run"], ["migrate", "status"]]) {
        expectOneLine(await runAs(...args), "STORE.ACCESS_DENIED");
      }
      // A reader may look, and not change.
      await prisma.$executeRawUnsafe(`GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
      const before = await database.contents();
      expect((await runAs("events", "show", id)).exitCode).toBe(0);
      expect((await runAs("status")).exitCode).toBe(0);
      expectOneLine(await runAs("events", "requeue", "--all"), "STORE.ACCESS_DENIED");
      expectOneLine(await runAs("events", "purge", "--all", "--yes"), "STORE.ACCESS_DENIED");
      expect(await database.contents()).toBe(before);
    } finally {
      await prisma.$executeRawUnsafe(`DROP OWNED BY ${role}`);
      await prisma.$executeRawUnsafe(`DROP ROLE ${role}`);
    }
  });

  it("is told from one whose role may create no tables, and none is created", async () => {
    const role = `omni_box_test_${randomBytes(6).toString("hex")}`;
    const { schema, prisma } = database;
    await prisma.$executeRawUnsafe(`CREATE ROLE ${role} LOGIN PASSWORD 's3cret'`);
    try {
      await prisma.$executeRawUnsafe(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
      const url = new URL(database.url);
      url.username = role;
      url.password = "s3cret";
      expectOneLine(await runCliHere(["migrate"], { env: { DATABASE_URL: url.href } }), "STORE.ACCESS_DENIED");
      const { stdout } = await run("migrate", "status", "--json");
      const states = JSON.parse(stdout).migrations.map(({ state }: { state: string }) => state);
      expect(new Set(states)).toEqual(new Set(["missing"]));
    } finally {
      await prisma.$executeRawUnsafe(`DROP OWNED BY ${role}`);
      await prisma.$executeRawUnsafe(`DROP ROLE ${role}`);
    }
  });

  it("is told from one that does not answer, and from one that does not exist", async () => {
    for (const args of [...everyCommand, ["migrate"], ["migrate", "--dry-run"], ["migrate", "status"]]) {
      const unreachable = await runCliHere(args, { env: { DATABASE_URL: "postgresql://app:s3cret@127.0.0.1:1/shop" } });
      expectOneLine(unreachable, "STORE.UNREACHABLE");
      expect(unreachable.stderr).toContain("the database 127.0.0.1:1/shop cannot be reached");
    }
    const url = new URL(serverUrl);
    url.pathname = "/omni_box_no_such_database";
    const missing = await runCliHere(["status"], { env: { DATABASE_URL: url.href } });
    expectOneLine(missing, "STORE.SCHEMA_MISSING");
    expect(missing.stderr).toContain("omni_box_no_such_database does not exist: create it");
  });

  it("is said as JSON too, on standard output", async () => {
    const { stdout, stderr, exitCode } = await run("status", "--json");
    expect(JSON.parse(stdout)).toEqual({ error: { code: "STORE.SCHEMA_MISSING", message: expect.any(String) } });
    expect(stderr).toBe("");
    expect(exitCode).toBe(1);
  });
});
