import { randomUUID } from "node:crypto";
import {
  createOutbox,
  createOutboxEvent,
  createOutboxRelay,
  type LogFields,
  type Logger,
  leased,
  ownedBuckets,
  silentLogger,
} from "@omni-box/core";
import { createMemoryBroker, createMemoryOutboxRepository } from "@omni-box/core/testing";
import type { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { startTcpProxy } from "../../rabbitmq/test/tcp-proxy.js";
import { createRedisWakeUp, createRedisWakeUpSender, type RedisWakeUpOptions } from "../src/index.js";
import { openSubscription } from "../src/wake-up/open-subscription.js";
import { type PrivateRedis, startPrivateRedis } from "./private-redis.js";
import { createTestClient, ready } from "./test-client.js";

let redis: PrivateRedis;
let channel: string;
const cleanUps: (() => unknown)[] = [];
beforeAll(async () => {
  redis = await startPrivateRedis();
});
afterAll(() => redis.remove());
beforeEach(() => {
  channel = `wake-up-${randomUUID()}`;
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const within = { timeout: 20_000, interval: 5 };
const connect = () => createTestClient(redis.port);
const connectNowhere = () => createTestClient(1);

function captureWarnings() {
  const warnings: { fields: LogFields; message: string }[] = [];
  const logger: Logger = { ...silentLogger, warn: (fields, message) => void warnings.push({ fields, message }) };
  return { logger, messages: () => warnings.map(({ message }) => message), warnings };
}

/** A wake-up that listens until the test ends, and how often it was woken. */
function listen(options: Partial<RedisWakeUpOptions> = {}) {
  const { logger, messages, warnings } = captureWarnings();
  let wakes = 0;
  const stop = createRedisWakeUp({ connect, channel, logger, ...options }).listen(() => {
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

const notify = (payload = "") => redis.command("PUBLISH", channel, payload);
const listeners = async () => Number(((await redis.command("PUBSUB", "NUMSUB", channel)) as unknown[])[1]);
const killListeners = () => redis.command("CLIENT", "KILL", "TYPE", "pubsub");

async function createSendingClient(): Promise<Redis> {
  const client = connect();
  cleanUps.push(() => client.disconnect());
  await ready(client);
  return client;
}

describe("a relay over another connection", () => {
  const pollMs = 60_000;

  it.each([leased(), ownedBuckets()])(
    "publishes an event within two seconds of its commit, although it polls once a minute: $name",
    async (fetch) => {
      const repository = createMemoryOutboxRepository();
      const broker = createMemoryBroker();
      broker.bind("everything", "#");
      const relay = createOutboxRelay({
        repository,
        publisher: broker.publisher(),
        fetch,
        wakeUp: createRedisWakeUp({ connect, channel }),
        pollMinMs: pollMs,
        pollMaxMs: pollMs,
        stallAfterMs: 2 * pollMs,
      });
      await relay.start();
      cleanUps.push(() => relay.stop());
      // It has looked at its start and when it began to listen, found nothing, and waits for the rest of the minute.
      await vi.waitFor(() => expect(relay.metrics().emptyPolls).toBeGreaterThanOrEqual(2), within);
      const sender = createRedisWakeUpSender({ client: await createSendingClient(), channel });
      const startedAt = performance.now();
      const outbox = createOutbox({ repository });
      const event = createOutboxEvent({
        type: "order.placed",
        schemaVersion: "1",
        topic: "orders",
        aggregateType: "order",
        aggregateId: "order-1",
        payload: { total: 1 },
      });
      await repository.transaction((tx) => outbox.add(tx, event));
      sender.notify();
      await broker.waitForMessages("everything", 1);
      expect(performance.now() - startedAt).toBeLessThan(2_000);
    },
  );
});

describe("a listener", () => {
  it("is woken when it begins to listen, and by every message of its channel and of no other", async () => {
    const { hears, wakes } = listen();
    await hears();
    await notify();
    await hears(2);
    await notify("any text of the application's own");
    await hears(3);
    await redis.command("PUBLISH", `${channel}-of-others`, "");
    await notify();
    await hears(4);
    expect(wakes()).toBe(4);
  });

  it("listens again when its connection was killed, is woken then, and logs the loss and the return once each", async () => {
    const { hears, messages } = listen();
    await hears();
    await killListeners();
    await hears(2);
    await notify();
    await hears(3);
    expect(messages()).toEqual(["wake-ups are not heard; events wait for the next poll", "wake-ups are heard again"]);
    expect(await listeners()).toBe(1);
  });

  it("listens again when Redis was killed and comes back empty", async () => {
    const { hears, messages } = listen();
    await hears();
    await redis.kill();
    await vi.waitFor(() => expect(messages()).toHaveLength(1), within);
    await redis.start();
    await hears(2);
    await notify();
    await hears(3);
    expect(messages()).toHaveLength(2);
  });

  it("tries on while it cannot connect, without a line for each try, and listens when it can", async () => {
    let tries = 0;
    const { hears, warnings, messages } = listen({
      connect() {
        tries += 1;
        return tries < 4 ? connectNowhere() : connect();
      },
    });
    await hears();
    expect(tries).toBe(4);
    expect(messages()).toHaveLength(2);
    expect(JSON.stringify(warnings)).toContain("ECONNREFUSED");
  });

  it("takes a connect that throws, and one that rejects with no error, for a failure like any other", async () => {
    let tries = 0;
    const { hears, messages } = listen({
      connect() {
        tries += 1;
        if (tries === 1) throw new Error("no url");
        return tries === 2 ? Promise.reject(undefined) : Promise.resolve(connect());
      },
    });
    await hears();
    expect(messages()).toHaveLength(2);
  });

  it("closes its connection when it is stopped, and is woken no more", async () => {
    const { hears, wakes, stop } = listen();
    await hears();
    expect(await listeners()).toBe(1);
    await stop();
    await stop();
    await vi.waitFor(async () => expect(await listeners()).toBe(0), within);
    await notify();
    expect(wakes()).toBe(1);
  });

  it("closes a client that comes only after it was stopped", async () => {
    let open: (client: Redis) => void = () => undefined;
    const opening = new Promise<Redis>((resolve) => {
      open = resolve;
    });
    const { stop, wakes } = listen({ connect: () => opening });
    await stop();
    const client = connect();
    open(client);
    await vi.waitFor(() => expect(client.status).toBe("end"), within);
    expect(wakes()).toBe(0);
  });

  it("listens several times over, each for itself", async () => {
    const wakeUp = createRedisWakeUp({ connect, channel });
    const heard: string[] = [];
    const stopFirst = wakeUp.listen(() => void heard.push("first"));
    const stopSecond = wakeUp.listen(() => void heard.push("second"));
    cleanUps.push(stopFirst, stopSecond);
    await vi.waitFor(() => expect([...heard].sort()).toEqual(["first", "second"]), within);
    await stopFirst();
    await notify();
    await vi.waitFor(() => expect([...heard].sort()).toEqual(["first", "second", "second"]), within);
  });

  it("notices at its next check that the other end has vanished without a word", async () => {
    const proxy = await startTcpProxy({ host: "127.0.0.1", port: redis.port });
    cleanUps.push(proxy.close);
    const subscription = await openSubscription({
      connect: () => createTestClient(proxy.port),
      channel,
      onWake: () => undefined,
      stopping: new AbortController().signal,
    });
    await subscription.check();
    proxy.setMode("black-hole");
    await expect(subscription.check()).rejects.toThrow();
    subscription.close();
  });
});

describe("a sender", () => {
  it("makes few messages of many commits, the last of which follows the last of them", async () => {
    const { hears, wakes } = listen();
    await hears();
    const sender = createRedisWakeUpSender({ client: await createSendingClient(), channel });
    const startedAt = performance.now();
    for (let call = 0; call < 1_000; call += 1) {
      sender.notify();
      if (call % 50 === 0) await redis.command("PING");
    }
    const lastAt = performance.now();
    const before = wakes();
    await hears(before + 1);
    // One before each pause, one while the last call was made, and the one that follows it.
    expect(wakes() - 1).toBeLessThanOrEqual((lastAt - startedAt) / 10 + 3);
  });

  it("that cannot reach Redis throws nothing, waits for nothing, and logs once until it can again", async () => {
    const { logger, messages, warnings } = captureWarnings();
    const sound = await createSendingClient();
    const broken = connectNowhere();
    cleanUps.push(() => broken.disconnect());
    let isDown = true;
    const client = { publish: (to: string, text: string) => (isDown ? broken : sound).publish(to, text) };
    const sender = createRedisWakeUpSender({ client, channel, logger });
    for (let call = 0; call < 20; call += 1) sender.notify();
    const cannot = "wake-ups cannot be sent; events wait for the next poll";
    await vi.waitFor(() => expect(messages()).toEqual([cannot]), within);
    expect(warnings[0]?.fields).toMatchObject({ message: "Redis cannot be reached: there is no connection" });
    isDown = false;
    sender.notify();
    await vi.waitFor(() => expect(messages()).toEqual([cannot, "wake-ups are sent again"]), within);
  });

  it("lists wrong options, of a listener too", () => {
    expect(() => createRedisWakeUpSender({ client: {}, channel: "" } as never)).toThrow(/client.*channel/s);
    expect(() => createRedisWakeUp({ connect: "url", channel: "x".repeat(256) } as never)).toThrow(/connect.*channel/s);
  });
});
