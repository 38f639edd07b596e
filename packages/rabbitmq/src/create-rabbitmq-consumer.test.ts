import { type LogFields, silentLogger } from "@omni-box/core";
import { createManualClock } from "@omni-box/core/testing";
import { describe, expect, it } from "vitest";
import type { AmqpConnectionLike } from "./amqp-connection-like.js";
import { consistentHashTopology } from "./consistent-hash-topology.js";
import { createRabbitMqConsumer } from "./create-rabbitmq-consumer.js";

const refuse = () => Promise.reject(Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }));
const hang = () => new Promise<AmqpConnectionLike>(() => {});

describe("the options", () => {
  it("are all checked at once", () => {
    const create = () =>
      createRabbitMqConsumer({
        connect: "amqp://localhost" as never,
        queue: "",
        bindings: [{ exchange: "" }],
        declare: "maybe" as never,
        prefetch: 0,
        exchange: "events",
      } as never);

    expect(create).toThrow(
      expect.objectContaining({
        code: "CONFIG.INVALID_OPTIONS",
        meta: {
          factory: "createRabbitMqConsumer",
          problems: ["connect", "queue", "bindings.0.exchange", "declare", "prefetch", "exchange"].map((name) =>
            expect.stringContaining(name),
          ),
        },
      }),
    );
  });

  it.each([
    [{ reconnectBaseMs: 500, reconnectMaxMs: 100 }, /reconnectBaseMs must not be longer than reconnectMaxMs/],
    [{ deliveryLimit: 5, queueType: "classic" }, /only quorum queues have a deliveryLimit/],
    [{ deliveryLimit: 5, deadLetter: false }, /a deliveryLimit needs a dead-letter exchange/],
    [{ declare: "check", deliveryLimit: 5 }, /leave deliveryLimit and queueArguments out/],
    [{ queueArguments: { "x-max-length": 5 } }, /a length limit in queueArguments needs "x-overflow"/],
    [{ queueArguments: { "x-max-length-bytes": 5 } }, /a length limit in queueArguments needs "x-overflow"/],
  ] as const)("must fit together: %j", (options, problem) => {
    expect(() => createRabbitMqConsumer({ connect: refuse, queue: "q", ...options })).toThrow(problem);
  });

  it.each([
    [{}, { countsDeliveries: true, deadLetters: true }],
    [{ deadLetter: false }, { countsDeliveries: true, deadLetters: false }],
    [{ queueType: "classic" }, { countsDeliveries: false, deadLetters: true }],
    [{ declare: "check" }, { countsDeliveries: true, deadLetters: false }],
    [
      { declare: "check", deadLetter: {} },
      { countsDeliveries: true, deadLetters: true },
    ],
  ] as const)("say what the consumer can do: %j", (options, capabilities) => {
    expect(createRabbitMqConsumer({ connect: refuse, queue: "q", ...options }).capabilities).toEqual(capabilities);
  });
});

describe("a broker that cannot be reached", () => {
  it("does not fail the start, is mentioned once, and does not hold up the stop", async () => {
    const clock = createManualClock();
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_fields: LogFields, text: string) => warnings.push(text) };
    const consumer = createRabbitMqConsumer({ connect: refuse, queue: "q", clock, logger });

    await consumer.start(() => undefined);
    await clock.advance(60_000);

    expect(warnings).toEqual(["RabbitMQ cannot be reached; trying again"]);
    expect(consumer.health()).toMatchObject({
      status: "unhealthy",
      reasons: [expect.stringContaining("ECONNREFUSED")],
    });
    await consumer.pause();
    await consumer.stop({ timeoutMs: 10_000 });
    expect(clock.pendingTimers).toBe(0);
  });

  it("because it does not answer can be left in the middle of the start", async () => {
    const clock = createManualClock();
    const consumer = createRabbitMqConsumer({ connect: hang, queue: "q", clock, logger: silentLogger });
    const starting = consumer.start(() => undefined);

    await Promise.all([consumer.stop({ timeoutMs: 10_000 }), starting]);

    expect(consumer.health()).toMatchObject({ status: "unhealthy", unsettled: 0 });
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("a consistent-hash topology", () => {
  it("divides what comes by partition key among queues with one active consumer each", () => {
    const { topology, queues, deadLetter } = consistentHashTopology({
      exchange: "shipping",
      queues: 2,
      bindings: [{ exchange: "events", routingKey: "orders" }],
    });

    expect(queues).toEqual(["shipping.0", "shipping.1"]);
    expect(deadLetter).toEqual({ exchange: "shipping.dead", queue: "shipping.dead" });
    expect(topology.exchanges).toContainEqual({
      name: "shipping",
      type: "x-consistent-hash",
      arguments: { "hash-header": "omni-partition-key" },
    });
    expect(topology.exchangeBindings).toEqual([{ source: "events", destination: "shipping", routingKey: "orders" }]);
    for (const queue of topology.queues.slice(0, 2)) {
      expect(queue).toMatchObject({ singleActiveConsumer: true, deadLetterExchange: "shipping.dead" });
    }
  });

  it("refuses what makes no sense, all at once", () => {
    const problems = ["exchange", "queues", "hashOn"].map((name) => expect.stringContaining(name));

    expect(() => consistentHashTopology({ exchange: "", queues: 0, hashOn: "key" as never })).toThrow(
      expect.objectContaining({ code: "CONFIG.INVALID_OPTIONS", meta: expect.objectContaining({ problems }) }),
    );
  });
});
