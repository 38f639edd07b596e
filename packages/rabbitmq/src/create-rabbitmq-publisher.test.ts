import { type LogFields, type OutgoingMessage, silentLogger } from "@omni-box/core";
import { createManualClock } from "@omni-box/core/testing";
import { describe, expect, it } from "vitest";
import type { AmqpConnectionLike } from "./amqp-connection-like.js";
import { createRabbitMqPublisher } from "./create-rabbitmq-publisher.js";

const message: OutgoingMessage = {
  id: "0190c9b4-0000-7000-8000-000000000001",
  topic: "orders",
  type: "order.placed",
  partitionKey: "order-1",
  contentType: "application/json",
  body: Buffer.from("{}"),
  headers: {},
  correlationId: null,
  timestamp: new Date(0),
};
const refuse = () => Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
const hang = () => new Promise<AmqpConnectionLike>(() => {});

describe("the options", () => {
  it("are all checked at once", () => {
    const create = () =>
      createRabbitMqPublisher({
        connect: "amqp://localhost" as never,
        exchange: "x".repeat(256),
        channels: 0,
        unroutable: "drop" as never,
        logger: console.log as never,
        prefetch: 10,
      } as never);

    expect(create).toThrow(
      expect.objectContaining({
        code: "CONFIG.INVALID_OPTIONS",
        meta: {
          factory: "createRabbitMqPublisher",
          problems: ["connect", "exchange", "unroutable", "channels", "logger", "prefetch"].map((name) =>
            expect.stringContaining(name),
          ),
        },
      }),
    );
  });

  it.each([
    [{ channels: 8, maxUnconfirmed: 4 }, /maxUnconfirmed must not be less than channels/],
    [{ reconnectBaseMs: 500, reconnectMaxMs: 100 }, /reconnectBaseMs must not be longer than reconnectMaxMs/],
    [{ topology: { assert: { queues: [{ name: "q", deliveryLimit: 3 }] } } }, /topology\.assert\.queues\.0/],
  ])("must fit together: %j", (options, problem) => {
    expect(() => createRabbitMqPublisher({ connect: refuse, exchange: "events", ...options })).toThrow(problem);
  });
});

describe("a broker that cannot be reached", () => {
  it("is tried again after pauses that grow to the longest one, and is mentioned once", async () => {
    const clock = createManualClock();
    const attemptsMs: number[] = [];
    const warnings: string[] = [];
    const publisher = createRabbitMqPublisher({
      connect: () => {
        attemptsMs.push(clock.monotonicMs());
        return refuse();
      },
      exchange: "events",
      clock,
      logger: { ...silentLogger, warn: (_fields: LogFields, text: string) => warnings.push(text) },
    });

    await publisher.start();
    await clock.advance(120_000);

    const pausesMs = attemptsMs.slice(1).map((atMs, index) => atMs - (attemptsMs[index] ?? 0));
    expect(pausesMs[0]).toBeLessThanOrEqual(200);
    expect(pausesMs[1]).toBeLessThanOrEqual(400);
    expect(Math.max(...pausesMs)).toBeGreaterThan(1_000);
    expect(Math.max(...pausesMs)).toBeLessThanOrEqual(10_000);
    expect(warnings).toEqual(["RabbitMQ cannot be reached; trying again"]);
    expect(publisher.health()).toMatchObject({
      status: "unhealthy",
      reasons: [expect.stringContaining("ECONNREFUSED")],
    });
    await expect(publisher.publish(message, { timeoutMs: 1_000 })).rejects.toMatchObject({
      code: "BROKER.UNREACHABLE",
    });
    await publisher.stop({ timeoutMs: 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  it("because it does not answer is given up after the connect time-out, and what waited is told so", async () => {
    const clock = createManualClock();
    const publisher = createRabbitMqPublisher({ connect: hang, exchange: "events", clock, logger: silentLogger });

    const starting = publisher.start();
    const waiting = publisher.publish(message, { timeoutMs: 10_000 });
    const rejection = expect(waiting).rejects.toMatchObject({
      code: "BROKER.UNREACHABLE",
      meta: { mayHaveArrived: false },
    });
    await clock.advance(5_000);

    await starting;
    await rejection;
    await publisher.stop({ timeoutMs: 0 });
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not keep a message waiting beyond the message's own time-out", async () => {
    const clock = createManualClock();
    const publisher = createRabbitMqPublisher({ connect: hang, exchange: "events", clock, logger: silentLogger });
    const starting = publisher.start();

    const waiting = publisher.publish(message, { timeoutMs: 300 });
    const rejection = expect(waiting).rejects.toMatchObject({ code: "BROKER.UNREACHABLE" });
    await clock.advance(300);

    await rejection;
    await publisher.stop({ timeoutMs: 0 });
    await starting;
    expect(clock.pendingTimers).toBe(0);
  });

  it("does not hold up a stop in the middle of an attempt", async () => {
    const clock = createManualClock();
    const publisher = createRabbitMqPublisher({ connect: hang, exchange: "events", clock, logger: silentLogger });
    const starting = publisher.start();
    const waiting = expect(publisher.publish(message, { timeoutMs: 9_000 })).rejects.toMatchObject({
      code: "BROKER.STOPPED",
    });

    const stopping = publisher.stop({ timeoutMs: 100 });
    await clock.advance(100);

    await Promise.all([stopping, starting, waiting]);
  });
});

it("refuses messages before the start", async () => {
  const publisher = createRabbitMqPublisher({ connect: refuse, exchange: "events" });

  await publisher.stop({ timeoutMs: 0 });
  await expect(publisher.publish(message, { timeoutMs: 1_000 })).rejects.toMatchObject({ code: "BROKER.STOPPED" });
});
