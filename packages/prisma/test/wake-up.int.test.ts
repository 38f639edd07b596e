import { once } from "node:events";
import { connect as connectSocket, createServer, type Socket } from "node:net";
import {
  createOutbox,
  createOutboxRelay,
  type LogFields,
  type Logger,
  leased,
  ownedBuckets,
  silentLogger,
  type WakeUp,
} from "@omni-box/core";
import { createMemoryBroker } from "@omni-box/core/testing";
import {
  createPostgresqlWakeUp,
  createPostgresqlWakeUpSender,
  createPrismaOutboxRepository,
  omniBox,
  type PostgresqlWakeUpOptions,
} from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { openListenSession } from "../src/wake-up/open-listen-session.js";
import { PrismaClient } from "./generated/client.js";
import { databaseUrl, openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { sampleEvent } from "./sample-event.js";

let database: TestDatabase;
let prisma: PrismaClient;
/** Each file has a channel of its own, since schemas do not keep channels apart. */
let channel: string;
const cleanUps: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  database = await openTestDatabase();
  prisma = database.prisma;
  channel = database.schema;
});
afterAll(() => database.close());
beforeEach(() => database.empty());
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const within = { timeout: 10_000, interval: 5 };

async function connectTo(url: string, options: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, application_name: channel, ...options });
  await client.connect();
  return client;
}

const connect = () => connectTo(databaseUrl);

function captureWarnings() {
  const warnings: { fields: LogFields; message: string }[] = [];
  const logger: Logger = { ...silentLogger, warn: (fields, message) => void warnings.push({ fields, message }) };
  return { logger, messages: () => warnings.map(({ message }) => message), warnings };
}

/** A wake-up that listens until the test ends, and how often it was woken. */
function listen(options: Partial<PostgresqlWakeUpOptions> = {}) {
  const { logger, messages, warnings } = captureWarnings();
  let wakes = 0;
  const stop = createPostgresqlWakeUp({ connect, channel, logger, ...options }).listen(() => {
    wakes += 1;
  });
  cleanUps.push(stop);
  return {
    stop,
    messages,
    warnings,
    wakes: () => wakes,
    /** It is woken once when it begins to listen. */
    hears: (count = 1) => vi.waitFor(() => expect(wakes).toBeGreaterThanOrEqual(count), within),
  };
}

const notify = (payload = "") => prisma.$executeRawUnsafe("SELECT pg_notify($1, $2)", channel, payload);
const connections = () =>
  prisma.$queryRawUnsafe<{ pid: number }[]>(
    "SELECT pid FROM pg_stat_activity WHERE application_name = $1 ORDER BY backend_start",
    channel,
  );
const killListeners = () =>
  prisma.$queryRawUnsafe("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1", channel);

describe("a relay over another connection", () => {
  const pollMs = 60_000;

  /** A relay that looks once at its start, and for the next minute only when it is woken. */
  async function startRelay(wakeUp: WakeUp, fetch = leased()) {
    const broker = createMemoryBroker();
    broker.bind("everything", "#");
    const client = database.connect();
    const relay = createOutboxRelay({
      repository: createPrismaOutboxRepository(client, { schema: database.schema }),
      publisher: broker.publisher(),
      fetch,
      wakeUp,
      pollMinMs: pollMs,
      pollMaxMs: pollMs,
      stallAfterMs: 2 * pollMs,
    });
    await relay.start();
    cleanUps.push(() => relay.stop());
    return {
      relay,
      /** It has looked at its start and when it began to listen, found nothing, and waits for the rest of the minute. */
      idle: () => vi.waitFor(() => expect(relay.metrics().emptyPolls).toBeGreaterThanOrEqual(2), within),
      arrived: () => vi.waitFor(() => expect(broker.messages("everything").length).toBeGreaterThan(0), within),
      delivered: () => broker.messages("everything").length,
    };
  }

  /** The application's client, which adds events and wakes relays. */
  function producer() {
    const client = database.connect();
    const sender = createPostgresqlWakeUpSender(client, { channel });
    const outbox = createOutbox({ repository: createPrismaOutboxRepository(client, { schema: database.schema }) });
    return client.$extends(omniBox({ outbox, afterCommit: () => sender.notify() }));
  }

  it.each([leased(), ownedBuckets()])(
    "publishes an event within two seconds of its commit, although it polls once a minute: $name",
    async (fetch) => {
      const { idle, arrived, delivered } = await startRelay(createPostgresqlWakeUp({ connect, channel }), fetch);
      await idle();
      const client = producer();
      expect(delivered()).toBe(0);
      const startedAt = performance.now();
      await client.$transaction((tx) => tx.$outbox.add(sampleEvent()));
      await arrived();
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    },
  );

  it("publishes what was committed while its connection was lost, as soon as it listens again", async () => {
    const { relay, idle, arrived } = await startRelay(
      createPostgresqlWakeUp({ connect, channel, logger: silentLogger }),
    );
    await idle();
    const startedAt = performance.now();
    await killListeners();
    const outbox = createPrismaOutboxRepository(prisma, { schema: database.schema });
    // Without a notification: only the return of the connection can tell the relay.
    await prisma.$transaction((tx) => outbox.add(tx, [sampleEvent()]));
    await arrived();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(relay.health().status).toBe("healthy");
  });

  it("starts, publishes what it finds by itself and stops while the wake-up cannot connect", async () => {
    const outbox = createPrismaOutboxRepository(prisma, { schema: database.schema });
    await prisma.$transaction((tx) => outbox.add(tx, [sampleEvent()]));
    const nowhere = () => connectTo("postgresql://postgres@127.0.0.1:1/postgres");
    const wakeUp = createPostgresqlWakeUp({ connect: nowhere, channel, logger: silentLogger });
    const { relay, arrived } = await startRelay(wakeUp);
    await arrived();
    expect(await relay.stop()).toMatchObject({ clean: true });
  });
});

describe("a listener", () => {
  it("is woken when it begins to listen, and by every notification of its channel", async () => {
    const { hears, wakes } = listen();
    await hears();
    await notify();
    await hears(2);
    await notify("any text of the application's own");
    await hears(3);
    await prisma.$executeRawUnsafe("SELECT pg_notify('another_channel', '')");
    await notify();
    await hears(4);
    expect(wakes()).toBe(4);
  });

  it("listens again when its connection was killed, and logs the loss and the return once each", async () => {
    const { hears, messages } = listen();
    await hears();
    await killListeners();
    await hears(2);
    await notify();
    await hears(3);
    expect(messages()).toEqual(["wake-ups are not heard; events wait for the next poll", "wake-ups are heard again"]);
  });

  it("tries on while it cannot connect, without a line for each try, and listens when it can", async () => {
    let tries = 0;
    const connect = () => {
      tries += 1;
      return connectTo(tries < 4 ? "postgresql://postgres:secret@127.0.0.1:1/postgres" : databaseUrl);
    };
    const { hears, warnings, messages } = listen({ connect });
    await hears();
    expect(tries).toBe(4);
    expect(messages()).toHaveLength(2);
    expect(JSON.stringify(warnings)).toContain("ECONNREFUSED");
    expect(JSON.stringify(warnings)).not.toContain("secret");
  });

  it("takes a connect that throws, and one that rejects with no error, for a failure like any other", async () => {
    let tries = 0;
    const connect = () => {
      tries += 1;
      if (tries === 1) throw new Error("no url");
      return tries === 2 ? Promise.reject(undefined) : connectTo(databaseUrl);
    };
    const { hears, messages } = listen({ connect });
    await hears();
    expect(messages()).toHaveLength(2);
  });

  it("is not woken by the checks of others", async () => {
    const first = listen();
    await first.hears();
    const second = listen();
    await second.hears();
    await notify();
    await second.hears(2);
    await first.hears(2);
    expect([first.wakes(), second.wakes()]).toEqual([2, 2]);
  });

  it("closes its connection when it is stopped, and is woken no more", async () => {
    const { hears, wakes, stop } = listen();
    await hears();
    expect(await connections()).toHaveLength(1);
    await stop();
    await stop();
    await vi.waitFor(async () => expect(await connections()).toEqual([]), within);
    await notify();
    expect(wakes()).toBe(1);
  });

  it("closes a connection that comes only after it was stopped", async () => {
    let opening: Promise<pg.Client> | undefined;
    let open: () => void = () => undefined;
    const opened = new Promise<void>((resolve) => {
      open = resolve;
    });
    const connect = () => {
      opening = opened.then(() => connectTo(databaseUrl));
      return opening;
    };
    const { stop, wakes } = listen({ connect });
    await stop();
    open();
    const client = await opening;
    if (client === undefined) throw new Error("connect was not called");
    await vi.waitFor(async () => expect(await connections()).toEqual([]), within);
    expect(wakes()).toBe(0);
  });

  it("says that notifications are not delivered when they are not, as behind a pooler in transaction mode", async () => {
    const proxy = await startDeafProxy();
    cleanUps.push(proxy.close);
    const { warnings } = listen({ connect: () => connectTo(proxy.url) });
    await vi.waitFor(() => expect(warnings).toHaveLength(1), within);
    expect(warnings[0]?.fields).toMatchObject({ message: expect.stringContaining("connect to the database directly") });
  });

  it("notices at its next check that the other end has vanished without a word", async () => {
    const proxy = await startDeafProxy();
    cleanUps.push(proxy.close);
    proxy.letThrough();
    const session = await openListenSession({
      connect: () => connectTo(proxy.url),
      channel,
      onWake: () => undefined,
      stopping: new AbortController().signal,
    });
    await session.check();
    proxy.freeze();
    await expect(session.check()).rejects.toMatchObject({ code: "STORE.TIMEOUT" });
    await session.close();
  });

  it("listens under any name of a channel", async () => {
    const name = `odd "name"; of ${channel}`.slice(0, 63);
    const { hears } = listen({ channel: name });
    await hears();
    createPostgresqlWakeUpSender(prisma, { channel: name }).notify();
    await hears(2);
  });
});

describe("a sender", () => {
  it("makes few notifications of many commits, the last of which follows the last of them", async () => {
    const { hears, wakes } = listen();
    await hears();
    const sender = createPostgresqlWakeUpSender(prisma, { channel });
    const startedAt = performance.now();
    for (let call = 0; call < 1_000; call += 1) {
      sender.notify();
      if (call % 50 === 0) await prisma.$queryRawUnsafe("SELECT 1");
    }
    const lastAt = performance.now();
    const before = wakes();
    await hears(before + 1);
    // One before each pause, one while the last call was made, and the one that follows it.
    expect(wakes() - 1).toBeLessThanOrEqual((lastAt - startedAt) / 10 + 3);
  });

  it("that cannot reach the database costs no commit anything, and logs once until it can again", async () => {
    const { logger, messages } = captureWarnings();
    let isDown = true;
    let sent = 0;
    const client = {
      $connect: async () => undefined,
      $queryRawUnsafe: prisma.$queryRawUnsafe.bind(prisma),
      $executeRawUnsafe: (sql: string, ...values: unknown[]) => {
        sent += 1;
        return isDown ? failing.$executeRawUnsafe(sql, ...values) : prisma.$executeRawUnsafe(sql, ...values);
      },
    };
    const failing = unreachableClient();
    const sender = createPostgresqlWakeUpSender(client as never, { channel, logger });
    const outbox = createOutbox({ repository: createPrismaOutboxRepository(prisma, { schema: database.schema }) });
    const extended = prisma.$extends(omniBox({ outbox, afterCommit: () => sender.notify() }));
    const startedAt = performance.now();
    for (let turn = 0; turn < 20; turn += 1) await extended.$transaction((tx) => tx.$outbox.add(sampleEvent()));
    expect(await prisma.outboxEvent.count()).toBe(20);
    await vi.waitFor(
      () => expect(messages()).toEqual(["wake-ups cannot be sent; events wait for the next poll"]),
      within,
    );
    // One a second, and not one for each commit.
    expect(sent).toBeLessThanOrEqual((performance.now() - startedAt) / 1_000 + 1);
    isDown = false;
    sender.notify();
    await vi.waitFor(() => expect(messages()).toHaveLength(2), within);
    expect(messages()[1]).toBe("wake-ups are sent again");
  });

  it("lists wrong options, of a listener too", async () => {
    expect(() => createPostgresqlWakeUpSender({} as never, { channel: "" })).toThrow(/client.*channel/s);
    expect(() => createPostgresqlWakeUp({ connect: "url", channel: "x".repeat(64) } as never)).toThrow(
      /connect.*channel/s,
    );
    await prisma.$transaction(async (tx) => {
      expect(() => createPostgresqlWakeUpSender(tx as never)).toThrow(/a Prisma client/);
    });
  });
});

/** A real client whose server does not answer. */
function unreachableClient(): PrismaClient {
  const adapter = new PrismaPg({ connectionString: "postgresql://postgres@127.0.0.1:1/postgres" });
  return new PrismaClient({ adapter });
}

/** Stands before the database, and passes no notifications on unless it is told to. */
async function startDeafProxy() {
  const { hostname, port } = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let isDeaf = true;
  let isFrozen = false;
  const server = createServer((socket) => {
    const upstream = connectSocket(Number(port || 5432), hostname);
    for (const each of [socket, upstream]) {
      sockets.add(each);
      each.on("error", () => each.destroy());
    }
    const forward = splitMessages((message) => {
      const isNotification = message[0] === "A".charCodeAt(0);
      if (!isFrozen && !(isDeaf && isNotification)) socket.write(message);
    });
    socket.pipe(upstream);
    upstream.on("data", forward);
    upstream.on("close", () => socket.destroy());
    socket.on("close", () => upstream.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address() as { port: number };
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${address.port}`;
  return {
    url: url.href,
    letThrough() {
      isDeaf = false;
    },
    /** The connections stay open, and nothing comes back over them any more. */
    freeze() {
      isFrozen = true;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Cuts the server's bytes into messages: each is a letter, a length and a body, and a NotificationResponse begins with A. */
function splitMessages(take: (message: Buffer) => void): (data: Buffer) => void {
  let rest = Buffer.alloc(0);
  return (data) => {
    rest = Buffer.concat([rest, data]);
    while (rest.length >= 5 && rest.length >= 1 + rest.readInt32BE(1)) {
      const end = 1 + rest.readInt32BE(1);
      take(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  };
}
