import { once } from "node:events";
import type { EventPublisher } from "@omni-box/core";
import amqp, { type ChannelModel } from "amqplib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createRabbitMqPublisher, type RabbitMqPublisherOptions } from "../src/index.js";
import { createRecordingLogger, type RecordingLogger } from "./recording-logger.js";
import { startTcpProxy, type TcpProxy } from "./tcp-proxy.js";
import { amqpUrl, openTestBroker, type TestBroker, withHeartbeat } from "./test-broker.js";
import { resultOf, resultsOf, testMessage, testMessages } from "./test-message.js";

const timeoutMs = 5_000;
let broker: TestBroker;
let proxy: TcpProxy;
let publisher: EventPublisher;
let logger: RecordingLogger;
let exchange: string;
let queue: string;

beforeEach(async () => {
  broker = await openTestBroker();
  const { hostname, port } = new URL(amqpUrl);
  proxy = await startTcpProxy({ host: hostname, port: Number(port || 5672) });
  logger = createRecordingLogger();
  exchange = await broker.createExchange();
  queue = await broker.createQueue(exchange);
});
afterEach(async () => {
  await publisher.stop({ timeoutMs: 0 });
  await proxy.close();
  await broker.close();
});

function create(options: Partial<RabbitMqPublisherOptions> = {}): EventPublisher {
  const url = withHeartbeat(amqpUrl, proxy.port);
  publisher = createRabbitMqPublisher({
    connect: () => amqp.connect(url),
    exchange,
    logger,
    reconnectBaseMs: 20,
    reconnectMaxMs: 100,
    ...options,
  });
  return publisher;
}

const publish = (changes = {}, options = {}) => publisher.publish(testMessage(changes), { timeoutMs, ...options });

describe("a connection that is cut", () => {
  it("settles everything, loses nothing that was confirmed, and is replaced", async () => {
    const arrived = await broker.collect(queue);
    await create({ maxUnconfirmed: 400 }).start();
    const messages = testMessages(5_000, (index) => ({ partitionKey: `key-${index % 50}` }));
    const publications = messages.map((message) => publisher.publish(message, { timeoutMs }));
    await Promise.race(publications);

    proxy.cut();
    const results = await resultsOf(publications);
    await logger.waitFor(/connected to RabbitMQ again/);

    expect(new Set(results)).toEqual(new Set(["confirmed", "BROKER.CONNECTION_LOST"]));
    const last = testMessage();
    await publisher.publish(last, { timeoutMs });
    const confirmed = messages.filter((_message, index) => results[index] === "confirmed").map(({ id }) => id);
    await arrived.waitForIds([...confirmed, last.id]);
  });

  it("is waited for by what is published in the gap, as long as no attempt has failed", async () => {
    await create().start();
    proxy.cut();
    await logger.waitFor(/was lost/);

    const publication = publish();

    expect(publisher.health()).toMatchObject({ status: "degraded" });
    expect(await resultOf(publication)).toBe("confirmed");
    expect(logger.messages("warn", "error")).toEqual(["the connection to RabbitMQ was lost; connecting again"]);
  });

  it("rejects at once after an attempt has failed, says so once, and says when it is over", async () => {
    await create().start();
    proxy.setMode("reset");
    proxy.cut();
    await logger.waitFor(/was lost/);
    const waiting = publish();
    expect(await resultOf(waiting)).toBe("BROKER.UNREACHABLE");
    await proxy.waitForAccepted(4);

    expect(await resultOf(publish())).toBe("BROKER.UNREACHABLE");
    expect(publisher.health()).toMatchObject({ status: "unhealthy", unconfirmed: 0 });
    proxy.setMode("pass");
    await logger.waitFor(/connected to RabbitMQ again/);

    expect(await resultOf(publish())).toBe("confirmed");
    expect(logger.messages("info", "warn", "error")).toEqual([
      "the connection to RabbitMQ was lost; connecting again",
      "RabbitMQ cannot be reached; trying again",
      "connected to RabbitMQ again",
    ]);
  });

  it("again and again soon after it was made counts as an outage", async () => {
    await create({ reconnectMaxMs: 10_000 }).start();
    proxy.cut();
    await logger.waitFor(/connected to RabbitMQ again/);

    proxy.setMode("black-hole");
    proxy.cut();
    await logger.waitFor(/was lost/, 2);

    expect(publisher.health().status).toBe("unhealthy");
    expect(await resultOf(publish())).toBe("BROKER.UNREACHABLE");
  });
});

describe("a black hole", () => {
  it("ends the wait at the time-out, spares nothing behind it, and the connection is replaced", async () => {
    await create({ channels: 1, maxUnconfirmed: 2 }).start();
    await publish();
    proxy.setMode("black-hole");
    const startedMs = performance.now();

    const results = await resultsOf([
      publish({}, { timeoutMs: 300 }),
      publish({}, { timeoutMs: 3_000 }),
      publish({}, { timeoutMs: 300 }),
    ]);

    expect(results).toEqual(["BROKER.PUBLISH_TIMEOUT", "BROKER.CONNECTION_LOST", "BROKER.BLOCKED"]);
    expect(performance.now() - startedMs).toBeLessThan(1_000);
    proxy.setMode("pass");
    expect(await resultOf(publish())).toBe("confirmed");
    expect(logger.messages("warn")).toEqual(["the connection to RabbitMQ was lost; connecting again"]);
  });

  it("does not hold up the stop", async () => {
    await create().start();
    proxy.setMode("black-hole");
    const publication = resultOf(publish({}, { timeoutMs: 60_000 }));
    const startedMs = performance.now();

    await publisher.stop({ timeoutMs: 100 });

    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(await publication).toBe("BROKER.CONNECTION_LOST");
  });

  it("at the start is an outage: the start resolves, and the first connection comes later", async () => {
    proxy.setMode("black-hole");
    await create({ connectTimeoutMs: 200 }).start();

    expect(await resultOf(publish())).toBe("BROKER.UNREACHABLE");
    expect(publisher.health().status).toBe("unhealthy");
    proxy.setMode("pass");
    await logger.waitFor(/connected to RabbitMQ again/);

    expect(await resultOf(publish())).toBe("confirmed");
    expect(publisher.health().status).toBe("healthy");
  });
});

describe("confirms that are held back", () => {
  it("are waited for by the stop", async () => {
    await create().start();
    proxy.setMode("hold-answers");
    const results = resultsOf(testMessages(100).map((message) => publisher.publish(message, { timeoutMs })));
    expect(publisher.health().unconfirmed).toBe(100);

    const stopping = publisher.stop({ timeoutMs });
    expect(await resultOf(publish())).toBe("BROKER.STOPPED");
    proxy.setMode("pass");
    await stopping;

    expect(new Set(await results)).toEqual(new Set(["confirmed"]));
  });

  it("are given up at the end of the stop's time, and what was never written is known not to be sent", async () => {
    await create({ channels: 1, maxUnconfirmed: 1 }).start();
    proxy.setMode("hold-answers");
    const publications = resultsOf([publish(), publish()]);

    await publisher.stop({ timeoutMs: 50 });

    expect(await publications).toEqual(["BROKER.CONNECTION_LOST", "BROKER.STOPPED"]);
  });

  it("end a message's own time-out only on its own channel", async () => {
    await create({ channels: 2 }).start();
    const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
    await Promise.all(keys.map((partitionKey) => publish({ partitionKey })));
    proxy.setMode("hold-answers");

    const impatient = resultOf(publish({ partitionKey: "key-0" }, { timeoutMs: 100 }));
    const patient = resultsOf(keys.map((partitionKey) => publish({ partitionKey })));
    expect(await impatient).toBe("BROKER.PUBLISH_TIMEOUT");
    proxy.setMode("pass");

    const results = await patient;
    expect(results[0]).toBe("BROKER.CONNECTION_LOST");
    expect(new Set(results)).toEqual(new Set(["confirmed", "BROKER.CONNECTION_LOST"]));
    expect(await resultOf(publish({ partitionKey: "key-0" }))).toBe("confirmed");
    expect(proxy.accepted).toBe(1);
  });
});

describe("the heartbeat", () => {
  it.each([
    ["shorter than three heartbeats of 3 s", 3, [60_000, 2_000, 1_000], 0, 1],
    ["as long as three heartbeats of 20 s", 20, [60_000], 0, 0],
    ["shorter, but with the grace as long as three of 3 s", 3, [60_000, 2_000], 7_000, 0],
  ])(
    "is warned of once when a publish time-out is %s",
    async (_title, heartbeatSeconds, timeouts, graceMs, warnings) => {
      const url = new URL(withHeartbeat(amqpUrl, proxy.port));
      url.searchParams.set("heartbeat", String(heartbeatSeconds));
      await create({ connect: () => amqp.connect(url.href) }).start();

      for (const messageTimeoutMs of timeouts) {
        await publish({}, { timeoutMs: messageTimeoutMs, takeoverGraceMs: graceMs });
      }

      const logged = logger.lines.filter(({ level, message }) => level === "warn" && message.includes("heartbeat"));
      expect(logged).toHaveLength(warnings);
    },
  );
});

describe("a connect function", () => {
  it("that resolves after it was given up has its connection closed", async () => {
    let resolveLate: (connection: ChannelModel) => void = () => {};
    const late = new Promise<ChannelModel>((resolve) => {
      resolveLate = resolve;
    });
    let calls = 0;
    create({
      connectTimeoutMs: 200,
      connect: () => {
        calls += 1;
        return calls === 1 ? late : amqp.connect(amqpUrl);
      },
    });
    await publisher.start();
    await logger.waitFor(/connected to RabbitMQ again/);

    const connection = await amqp.connect(amqpUrl);
    const closed = once(connection, "close");
    resolveLate(connection);

    await closed;
    expect(await resultOf(publish())).toBe("confirmed");
  });

  it("that throws or rejects is tried again", async () => {
    let calls = 0;
    create({
      connect: () => {
        calls += 1;
        if (calls === 1) throw new Error("no password in the vault");
        if (calls === 2) return Promise.reject(new Error("amqp://user:secret@host is unreachable"));
        return amqp.connect(amqpUrl);
      },
    });
    await publisher.start();
    await logger.waitFor(/connected to RabbitMQ again/);

    expect(await resultOf(publish())).toBe("confirmed");
    expect(JSON.stringify(logger.lines)).not.toContain("secret");
  });

  it("that gives something other than a plain connection is a mistake, and the start says so", async () => {
    const recovering = await amqp.connect(amqpUrl, { recovery: true });
    create({ connect: () => Promise.resolve(recovering as never) });

    await expect(publisher.start()).rejects.toMatchObject({ code: "CONFIG.INVALID_OPTIONS" });

    await recovering.close();
  });
});
