import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import amqp from "amqplib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliDatabase, openCliDatabase } from "./open-cli-database.js";
import { runCliHere } from "./run-cli-here.js";

const amqpUrl = process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672";
const redisUrl = process.env.REDIS_URL ?? "redis://127.0.0.1:6379";

let database: CliDatabase;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-box-doctor-"));
  database = await openCliDatabase();
});
afterEach(async () => {
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

async function doctor(args: readonly string[], env: Record<string, string> = {}) {
  const all = ["doctor", "--json", ...args];
  const { stdout, exitCode } = await runCliHere(all, { cwd: folder, env: { DATABASE_URL: database.url, ...env } });
  const { findings } = JSON.parse(stdout) as {
    findings: { name: string; status: string; found: string; advice: string | null }[];
  };
  return { findings, exitCode, of: (name: string) => findings.filter((one) => one.name === name) };
}

describe("omni-box doctor", () => {
  it("finds nothing wrong with fresh tables, and leaves out what nobody named", async () => {
    const { findings, exitCode, of } = await doctor([]);
    const problems = findings.filter(({ status }) => status === "problem");
    // A server for tests may do without safety, and without autovacuum.
    const ofTheServer = (found: string) => /^(fsync|full_page_writes|synchronous_commit|autovacuum) is off/.test(found);
    expect(problems.filter(({ found }) => !ofTheServer(found))).toEqual([]);
    expect(exitCode).toBe(problems.length === 0 ? 0 : 3);
    for (const name of ["connection", "migrations", "tables", "rights", "buckets", "clock"]) {
      expect(of(name).map(({ status }) => status)).toContain("ok");
    }
    expect(of("RabbitMQ")).toMatchObject([{ status: "skipped" }]);
    expect(of("Redis")).toMatchObject([{ status: "skipped" }]);
  });

  it("looks at RabbitMQ with what must exist there, and at Redis", async () => {
    const connection = await amqp.connect(amqpUrl);
    const channel = await connection.createChannel();
    const exchange = `omni-box-test.${randomUUID()}`;
    await channel.assertExchange(exchange, "topic", { autoDelete: false });
    try {
      const config = `export default { doctor: { exchanges: ["${exchange}"], queues: ["omni-box-test.missing"] } };`;
      await writeFile(join(folder, "omni-box.config.mjs"), config);
      const { exitCode, of } = await doctor(["--exchange", "omni-box-test.absent"], {
        AMQP_URL: amqpUrl,
        REDIS_URL: redisUrl,
      });
      expect(exitCode).toBe(3);
      expect(of("RabbitMQ")).toMatchObject([{ status: "ok" }]);
      const [topology] = of("RabbitMQ topology");
      expect(topology).toMatchObject({ status: "problem" });
      expect(topology?.found).toContain('queue "omni-box-test.missing"');
      expect(topology?.found).toContain('exchange "omni-box-test.absent"');
      expect(topology?.found).not.toContain(exchange);
      expect(of("Redis")).toMatchObject([{ status: "ok" }]);
    } finally {
      await channel.deleteExchange(exchange);
      await connection.close();
    }
  });

  it("reports all problems of all services at once, each with what to do, without credentials", async () => {
    await database.prisma.$executeRawUnsafe(`DROP INDEX ${database.schema}.outbox_event_due_idx`);
    await database.prisma.$executeRawUnsafe(
      `DELETE FROM ${database.schema}.omni_box_migration WHERE name = 'omni_box_buckets'`,
    );
    const unreachable = { AMQP_URL: "amqp://app:s3cret@127.0.0.1:1", REDIS_URL: "redis://:s3cret@127.0.0.1:1" };
    const { findings, exitCode } = await doctor([], unreachable);
    expect(exitCode).toBe(3);
    const problems = findings.filter(({ status }) => status === "problem");
    expect(problems.map(({ name }) => name)).toEqual(expect.arrayContaining(["migrations", "RabbitMQ", "Redis"]));
    expect(JSON.stringify(findings)).toContain("outbox_event_due_idx");
    for (const { advice } of problems) expect(advice).toMatch(/\S/);
    expect(JSON.stringify(findings)).not.toContain("s3cret");
  });

  it("says what to do where there are no tables", async () => {
    await database.prisma.$executeRawUnsafe(`DROP SCHEMA ${database.schema} CASCADE`);
    await database.prisma.$executeRawUnsafe(`CREATE SCHEMA ${database.schema}`);
    const { exitCode, of } = await doctor([]);
    expect(exitCode).toBe(3);
    expect(of("tables")).toMatchObject([
      { status: "problem", advice: expect.stringContaining("run applyOmniBoxMigrations or prisma migrate deploy") },
    ]);
  });

  it("says what to do where the role has no rights", async () => {
    const role = `omni_box_test_${randomUUID().replaceAll("-", "").slice(0, 12)}`;
    const { prisma, schema } = database;
    await prisma.$executeRawUnsafe(`CREATE ROLE ${role} LOGIN PASSWORD 's3cret'`);
    try {
      await prisma.$executeRawUnsafe(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
      const url = new URL(database.url);
      url.username = role;
      url.password = "s3cret";
      const { findings, exitCode, of } = await doctor([], { DATABASE_URL: url.href });
      expect(exitCode).toBe(3);
      expect(of("rights").length).toBeGreaterThan(0);
      for (const { status, advice } of of("rights")) {
        expect(status).toBe("problem");
        expect(advice).toMatch(/^grant it/);
      }
      expect(JSON.stringify(findings)).not.toContain("s3cret");
    } finally {
      await prisma.$executeRawUnsafe(`DROP OWNED BY ${role}`);
      await prisma.$executeRawUnsafe(`DROP ROLE ${role}`);
    }
  });

  it("says in the text what to do", async () => {
    const { stdout, exitCode } = await runCliHere(["doctor"], {
      cwd: folder,
      env: { DATABASE_URL: "postgresql://app:s3cret@127.0.0.1:1/shop" },
    });
    expect(exitCode).toBe(3);
    expect(stdout).toMatch(/^problem +connection +/m);
    expect(stdout).toMatch(/^TO DO\nconnection: \S/m);
    expect(stdout).not.toContain("s3cret");
  });
});
