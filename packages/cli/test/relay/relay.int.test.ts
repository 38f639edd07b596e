import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import amqp, { type ChannelModel } from "amqplib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CliDatabase, openCliDatabase, serverUrl } from "../open-cli-database.js";
import { type CliProcess, startCli } from "../run-cli-process.js";

const amqpUrl = withHeartbeat(process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672");
const config = fileURLToPath(new URL("omni-box.config.mjs", import.meta.url));
const exchange = `omni-box-test.${randomUUID()}`;

let database: CliDatabase;
let broker: ChannelModel;
beforeEach(async () => {
  database = await openCliDatabase();
  broker = await amqp.connect(amqpUrl);
});
afterEach(async () => {
  await broker.close();
  await database.close();
});

function startRelay(...args: string[]): CliProcess {
  return startRelayOn(serverUrl, ...args);
}

function startRelayOn(databaseUrl: string, ...args: string[]): CliProcess {
  const env = { DATABASE_URL: databaseUrl, AMQP_URL: amqpUrl, SCHEMA: database.schema, EXCHANGE: exchange };
  return startCli(["relay", "--config", config, ...args], { env });
}

/** What a relay says that cannot start: its one line. */
async function refusalOf(relay: CliProcess): Promise<string> {
  const { exitCode, stderr } = await relay.ended;
  expect(exitCode).toBe(1);
  expect(stderr).not.toMatch(/^ +at /m);
  const lines = stderr.split("\n").filter((line) => line.startsWith("omni-box:"));
  expect(lines).toHaveLength(1);
  expect(stderr).not.toContain("s3cret");
  return lines[0] ?? "";
}

/** The address that the relay said. */
async function addressOf(relay: CliProcess): Promise<string> {
  await relay.written("health and metrics on http://");
  return /http:\/\/\S+/.exec(relay.output())?.[0] ?? "";
}

describe("omni-box relay", () => {
  it("relays, shows health and metrics, and stops in order on SIGTERM", async () => {
    const channel = await broker.createChannel();
    await channel.assertExchange(exchange, "topic");
    const { queue } = await channel.assertQueue("", { exclusive: true });
    await channel.bindQueue(queue, exchange, "#");
    const arrived = new Promise<string>((resolve) => {
      void channel.consume(queue, (message) => resolve(message?.properties.messageId), { noAck: true });
    });
    const relay = startRelay();
    try {
      const id = await database.add();
      expect(await arrived).toBe(id);

      const address = await addressOf(relay);
      for (const path of ["/health/live", "/health/ready"]) {
        const health = await fetch(address + path);
        expect(health.status).toBe(200);
        expect(await health.json()).toMatchObject({ status: "healthy", state: "running", reasons: [] });
      }
      // The message may have arrived before its outcome is counted.
      await expect.poll(() => textOf(`${address}/metrics`)).toContain("omni_box_relay_published_total 1\n");
      expect((await fetch(`${address}/metrics`)).headers.get("content-type")).toContain("version=0.0.4");
      expect((await fetch(`${address}/other`)).status).toBe(404);
      expect((await fetch(`${address}/metrics`, { method: "POST" })).status).toBe(405);
    } finally {
      relay.process.kill("SIGTERM");
    }
    const { exitCode, stdout, stderr } = await relay.ended;
    expect(exitCode).toBe(0);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/stopping the relay\nthe relay has stopped\nclosed\n$/);
    await channel.deleteExchange(exchange);
  });

  it("ends with one line where the tables or the exchange are missing", async () => {
    await database.prisma.$executeRawUnsafe(`DROP TABLE ${database.schema}.outbox_event`);
    const { exitCode, stderr } = await startRelay("--no-http").ended;
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^omni-box: the relay cannot start: [^\n]*outbox_event[^\n]*$/m);
    expect(stderr).toContain(exchange);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(
      stderr
        .trimEnd()
        .split("\n")
        .filter((line) => line.startsWith("omni-box:")),
    ).toHaveLength(1);
  });

  it("ends with one line over an earlier version, a role without rights and a database that cannot be reached, and changes nothing", async () => {
    const { prisma, schema } = database;
    await database.add();
    const before = await database.contents();
    const role = `omni_box_test_${randomUUID().replaceAll("-", "")}`;
    await prisma.$executeRawUnsafe(`CREATE ROLE ${role} LOGIN PASSWORD 's3cret'`);
    try {
      await prisma.$executeRawUnsafe(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
      const url = new URL(serverUrl);
      [url.username, url.password] = [role, "s3cret"];
      expect(await refusalOf(startRelayOn(url.href, "--no-http"))).toContain(
        "no right to SELECT, UPDATE, DELETE on outbox_event: grant it",
      );
    } finally {
      await prisma.$executeRawUnsafe(`DROP OWNED BY ${role}`);
      await prisma.$executeRawUnsafe(`DROP ROLE ${role}`);
    }
    const unreachable = startRelayOn("postgresql://app:s3cret@127.0.0.1:1/shop", "--no-http");
    expect(await refusalOf(unreachable)).toContain("STORE.UNREACHABLE");
    await prisma.$executeRawUnsafe(`DELETE FROM ${schema}.omni_box_migration WHERE name = 'omni_box_buckets'`);
    expect(await refusalOf(startRelay("--no-http"))).toContain("omni_box_buckets");
    expect(await database.contents()).toBe(before);
  });

  it("says that its port is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const { exitCode, stderr } = await startRelay("--port", `${port}`).ended;
    other.close();
    expect(exitCode).toBe(1);
    expect(stderr).toContain(
      `cannot use port ${port} of 127.0.0.1 (EADDRINUSE): choose another by --port, or --no-http`,
    );
  });
});

async function textOf(url: string): Promise<string> {
  return (await fetch(url)).text();
}

function withHeartbeat(text: string): string {
  const url = new URL(text);
  url.searchParams.set("heartbeat", "3");
  return url.href;
}
