import type { EventConsumer, InboxEventRepository, Outbox } from "@omni-box/core";
import { OrderPlaced, ShipmentPrepared } from "./tracing-scene.js";

declare const repository: InboxEventRepository<object>;
declare const eventConsumer: EventConsumer;
declare const outbox: Outbox<object>;

// #region consume
import { createEventRouter, createInboxConsumer } from "@omni-box/core";
import { createInboxMetrics, observeWorker, tracing } from "@omni-box/opentelemetry";

const router = createEventRouter<object>().on(OrderPlaced, async ({ payload: { orderId } }, { outbox }) => {
  // What a handler publishes, and what it calls, is part of the same trace.
  await outbox.add(ShipmentPrepared.create({ aggregateId: orderId, payload: { orderId } }));
});

const inboxMetrics = createInboxMetrics({ consumerGroup: "shipping", eventTypes: [OrderPlaced] });

export const consumer = createInboxConsumer({
  consumer: eventConsumer,
  repository,
  consumerGroup: "shipping",
  router,
  outbox,
  steps: [tracing()],
  metrics: inboxMetrics.consumer,
  processor: { metrics: inboxMetrics.processor },
});
observeWorker({ worker: consumer, name: "shipping" });

// #endregion consume
