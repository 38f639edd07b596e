import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createPrismaInboxRepository } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { PrismaClient } from "./generated/client.js";
import { databaseUrl, openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { deliveredAgain, sampleMessage } from "./sample-message.js";

/** A network between a client and the server that can swallow bytes, or cut a connection before an answer. */
async function openNetwork() {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const state: { mode: "pass" | "silent" | "cut"; atCommit: "pass" | "silent" | "cut" } = {
    mode: "pass",
    atCommit: "pass",
  };
  const server = createServer((client) => {
    const upstream = connect(Number(target.port || 5432), target.hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      // What breaks here is what the test is about.
      socket.on("error", () => socket.destroy());
    }
    client.on("data", (bytes) => {
      if (bytes.includes("COMMIT")) state.mode = state.atCommit;
      // What is to be cut off is the answer.
      if (state.mode !== "silent") upstream.write(bytes);
    });
    upstream.on("data", (bytes) => {
      if (state.mode === "cut") client.destroy();
      else if (state.mode === "pass") client.write(bytes);
    });
    client.on("close", () => upstream.end());
    upstream.on("close", () => client.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    state,
    url: url.href,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

let database: TestDatabase;
let network: Awaited<ReturnType<typeof openNetwork>>;
let far: PrismaClient;
const unhandled: unknown[] = [];
const onUnhandled = (error: unknown) => unhandled.push(error);
beforeAll(async () => {
  database = await openTestDatabase();
  process.on("unhandledRejection", onUnhandled);
});
afterAll(() => {
  process.off("unhandledRejection", onUnhandled);
  return database.close();
});
beforeEach(async () => {
  await database.empty();
  network = await openNetwork();
  far = new PrismaClient({
    adapter: new PrismaPg({ connectionString: network.url, max: 2 }, { schema: database.schema }),
  });
});
afterEach(async () => {
  await network.close();
  await far.$disconnect();
});

const repository = () => createPrismaInboxRepository(far, { schema: database.schema, transaction: { maxWaitMs: 100 } });
const insert = { behindPending: "insert" } as const;
const limits = { timeoutMs: 300 };

describe("a connection whose other end is silent", () => {
  it.each(["a statement of ours", "the commit"])(
    "during %s is STORE.TIMEOUT, and no rejection is left over",
    async (when) => {
      const hanging = repository().transaction(async (tx) => {
        if (when === "a statement of ours") network.state.mode = "silent";
        network.state.atCommit = "silent";
        await tx.insertCompleted([sampleMessage()], insert);
      }, limits);
      await expect(hanging).rejects.toMatchObject({ code: "STORE.TIMEOUT" });
      await network.close();
      await new Promise(setImmediate);
      expect(unhandled).toEqual([]);
      await expect.poll(() => database.prisma.inboxEvent.count()).toBe(0);
      network = await openNetwork();
    },
  );

  it("during the handler is INBOX.HANDLER_TIMEOUT, and nothing is committed", async () => {
    const hanging = repository().transaction(async (tx) => {
      await tx.insertCompleted([sampleMessage()], insert);
      network.state.mode = "silent";
      await tx.client.testOrder.create({ data: { customer: "Ada", totalCents: 1 } });
    }, limits);
    await expect(hanging).rejects.toMatchObject({ code: "INBOX.HANDLER_TIMEOUT" });
    expect(await database.prisma.testOrder.count()).toBe(0);
  });

  it("before the transaction begins is STORE.TIMEOUT", async () => {
    network.state.mode = "silent";
    const hanging = repository().transaction(async () => expect.unreachable("it never began"), limits);
    await expect(hanging).rejects.toMatchObject({ code: expect.stringMatching(/^STORE\.(TIMEOUT|UNREACHABLE)$/) });
  });
});

it("a commit whose answer is lost is STORE.UNREACHABLE, and running it again finds out that it had happened", async () => {
  const draft = sampleMessage();
  const lost = repository().transaction(
    async (tx) => {
      await tx.insertCompleted([draft], insert);
      await tx.client.testOrder.create({ data: { customer: "Ada", totalCents: 1 } });
      network.state.atCommit = "cut";
    },
    { timeoutMs: 5_000 },
  );
  await expect(lost).rejects.toMatchObject({ code: "STORE.UNREACHABLE" });
  network.state.mode = "pass";
  network.state.atCommit = "pass";
  const again = repository().transaction((tx) => tx.insertCompleted([deliveredAgain(draft)], insert), {
    timeoutMs: 5_000,
  });
  expect(await again).toEqual([{ kind: "duplicate", id: draft.id, status: "completed" }]);
  expect(await database.prisma.testOrder.count()).toBe(1);
});
