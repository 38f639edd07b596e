import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  createEventRouter,
  createInboxConsumer,
  createOutbox,
  createOutboxRelay,
  type InboxConsumer,
  type OutboxRelay,
  silentLogger,
} from "@omni-box/core";
import {
  createPrismaInboxAdministration,
  createPrismaInboxRepository,
  createPrismaOutboxAdministration,
  createPrismaOutboxRepository,
} from "@omni-box/prisma";
import { createRabbitMqConsumer, createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { context, propagation, SpanKind, trace } from "@opentelemetry/api";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createInboxMetrics,
  createRelayMetrics,
  observeStore,
  observeWorker,
  traceContext,
  tracedMessages,
  tracing,
} from "../src/index.js";
import { type CollectedMetrics, collectMetrics, samplesOf } from "./collect-metrics.js";
import { type CollectedSpans, collectSpans } from "./collect-spans.js";
import type { Prisma } from "./generated/client.js";
import { openTestServices, type TestServices } from "./open-test-services.js";
import { OrderPlaced, ShipmentPrepared, secret } from "./tracing-scene.js";

const eventTypes = [OrderPlaced, ShipmentPrepared];
let services: TestServices;
let collected: CollectedSpans;
let metrics: CollectedMetrics;
let shop: Server;
let scraped: Server;
let workers: readonly (OutboxRelay | InboxConsumer)[] = [];
let consumed: (messageType: string) => Promise<void>;

/** A shop that is called over HTTP, a shipping service that hears of orders and publishes, and a mailing service behind that. */
beforeAll(async () => {
  services = openTestServices();
  collected = collectSpans();
  metrics = collectMetrics();
  const { name, connect } = services;
  const { meter } = metrics;
  const [orders, shipping, mailing] = [
    await services.openDatabase(),
    await services.openDatabase(),
    await services.openDatabase(),
  ];
  const heard = new Map<string, () => void>();
  const arrivals = new Map<string, Promise<void>>();
  for (const { type } of eventTypes) arrivals.set(type, new Promise((resolve) => heard.set(type, resolve)));
  consumed = (type) => arrivals.get(type) ?? Promise.reject(new Error(`nobody waits for ${type}`));

  const outboxOf = ({ prisma, schema }: typeof orders) =>
    createOutbox({ repository: createPrismaOutboxRepository(prisma, { schema }), context: traceContext() });
  const relayOf = ({ prisma, schema }: typeof orders) =>
    createOutboxRelay({
      repository: createPrismaOutboxRepository(prisma, { schema }),
      publisher: createRabbitMqPublisher({ connect, exchange: name, logger: silentLogger }),
      steps: [tracing()],
      converter: tracedMessages(),
      metrics: createRelayMetrics({ meter, eventTypes }),
      logger: silentLogger,
    });
  const consumerOf = (group: string, topic: string) =>
    createRabbitMqConsumer({
      connect,
      queue: `${name}.${group}`,
      bindings: [{ exchange: name, routingKey: topic }],
      logger: silentLogger,
    });
  const inboxMetrics = createInboxMetrics({ meter, eventTypes, consumerGroup: "shipping" });
  const common = { steps: [tracing()], logger: silentLogger };

  const outbox = outboxOf(orders);
  shop = createServer((request, response) => {
    const caller = propagation.extract(context.active(), request.headers);
    trace.getTracer("shop").startActiveSpan("POST /orders", { kind: SpanKind.SERVER }, caller, async (span) => {
      await orders.prisma.$transaction(async (tx) => {
        const { id } = await tx.testOrder.create({ data: { customer: "Ada" } });
        const payload = { orderId: String(id), card: secret };
        await outbox.add(tx, OrderPlaced.create({ aggregateId: id, payload }));
      });
      span.end();
      response.end();
    });
  });
  const shippingConsumer = createInboxConsumer({
    consumer: consumerOf("shipping", "orders"),
    repository: createPrismaInboxRepository(shipping.prisma, { schema: shipping.schema }),
    consumerGroup: "shipping",
    outbox: outboxOf(shipping),
    router: createEventRouter<Prisma.TransactionClient>().on(OrderPlaced, async ({ payload }, handling) => {
      await handling.tx.testOrder.create({ data: { customer: payload.orderId } });
      const prepared = { aggregateId: payload.orderId, payload: { orderId: payload.orderId } };
      await handling.outbox.add(ShipmentPrepared.create(prepared));
      heard.get("order.placed")?.();
    }),
    metrics: inboxMetrics.consumer,
    processor: { metrics: inboxMetrics.processor },
    ...common,
  });
  const mailingConsumer = createInboxConsumer({
    consumer: consumerOf("mailing", "shipments"),
    repository: createPrismaInboxRepository(mailing.prisma, { schema: mailing.schema }),
    consumerGroup: "mailing",
    router: createEventRouter<Prisma.TransactionClient>().on(ShipmentPrepared, async () => {
      trace.getTracer("mailing").startSpan("send mail").end();
      heard.get("shipment.prepared")?.();
    }),
    ...common,
  });
  const relay = relayOf(orders);
  const { prisma, schema } = orders;
  observeStore({ administration: createPrismaOutboxAdministration(prisma, { schema }), store: "outbox", meter });
  observeStore({
    administration: createPrismaInboxAdministration(shipping.prisma, { schema: shipping.schema }),
    store: "inbox",
    consumerGroup: "shipping",
    meter,
  });
  observeWorker({ worker: relay, name: "shop relay", meter });
  workers = [shippingConsumer, mailingConsumer, relay, relayOf(shipping)];
  for (const worker of workers) await worker.start();

  scraped = createServer((request, response) => metrics.exporter.getMetricsRequestHandler(request, response));
  for (const server of [shop, scraped]) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
});

afterAll(async () => {
  for (const worker of workers) await worker.stop();
  for (const server of [shop, scraped]) server.close();
  const queues = ["shipping", "mailing"].flatMap((group) => [
    `${services.name}.${group}`,
    `${services.name}.${group}.dead`,
  ]);
  await services.close(queues, [services.name, ...queues.filter((queue) => queue.endsWith(".dead"))]);
  await collected.close();
  await metrics.close();
});

const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

describe("one order", () => {
  it("is one trace, from the HTTP call over PostgreSQL and RabbitMQ to the handler of the second service", async () => {
    const traceId = await trace.getTracer("browser").startActiveSpan("click", async (span) => {
      const headers: Record<string, string> = {};
      propagation.inject(context.active(), headers);
      await fetch(urlOf(shop), { method: "POST", headers });
      span.end();
      return span.spanContext().traceId;
    });
    await consumed("order.placed");
    await consumed("shipment.prepared");
    // The spans end when the outcomes are known.
    for (const worker of workers) await worker.stop();
    expect(collected.tree(traceId)).toEqual([
      "nothing > click",
      "click > POST /orders",
      "POST /orders > publish orders",
      "publish orders > process orders",
      "process orders > publish shipments",
      "publish shipments > process shipments",
      "process shipments > send mail",
    ]);
    const everything = JSON.stringify(
      collected.spans.map(({ attributes, status, events }) => [attributes, status, events]),
    );
    expect(everything).not.toContain(secret);
  });

  it("is in what Prometheus scrapes over HTTP", async () => {
    const answer = await fetch(urlOf(scraped));
    const samples = samplesOf(await answer.text());
    const value = (name: string, labels: Record<string, string> = {}) =>
      samples.find(
        (sample) =>
          sample.name === name && Object.entries(labels).every(([label, text]) => sample.labels[label] === text),
      )?.value;
    const ofOrders = { omni_box_event_type: "order.placed" };
    expect(value("omni_box_relay_published_total", ofOrders)).toBe(1);
    expect(value("omni_box_relay_published_total", { omni_box_event_type: "shipment.prepared" })).toBe(1);
    expect(value("omni_box_consumer_processed_total", { ...ofOrders, messaging_consumer_group_name: "shipping" })).toBe(
      1,
    );
    expect(value("omni_box_consumer_handler_duration_count", ofOrders)).toBe(1);
    expect(value("omni_box_relay_lag_count")).toBe(2);
    for (const omni_box_store of ["outbox", "inbox"]) {
      expect(value("omni_box_store_up", { omni_box_store })).toBe(1);
      expect(value("omni_box_store_pending", { omni_box_store })).toBe(0);
      expect(value("omni_box_store_oldest_pending_age", { omni_box_store })).toBe(0);
    }
    expect(value("omni_box_worker_status", { omni_box_worker: "shop relay", omni_box_status: "unhealthy" })).toBe(1);
  });
});
