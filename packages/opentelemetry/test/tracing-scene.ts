import type {
  BaseEvent,
  HandlerFunction,
  InboxConsumer,
  InboxConsumerOptions,
  MessageConverter,
  OutboxRelay,
  OutboxRelayOptions,
} from "@omni-box/core";
import {
  createEventRouter,
  createInboxConsumer,
  createOutboxRelay,
  defineEvent,
  type Step,
  silentLogger,
} from "@omni-box/core";
import {
  createMemoryBroker,
  createMemoryInboxRepository,
  createMemoryOutbox,
  type MemoryTransaction,
} from "@omni-box/core/testing";
import { z } from "zod";
import { traceContext } from "../src/trace-context.js";
import { tracedMessages } from "../src/traced-messages.js";
import { tracing } from "../src/tracing.js";

export const OrderPlaced = defineEvent({
  type: "order.placed",
  topic: "orders",
  aggregateType: "order",
  version: "1",
  schema: z.object({ orderId: z.string(), card: z.string() }),
});

export const ShipmentPrepared = defineEvent({
  type: "shipment.prepared",
  topic: "shipments",
  aggregateType: "shipment",
  version: "1",
  schema: z.object({ orderId: z.string() }),
});

/** What no span may show. */
export const secret = "4111-1111-1111-1111";

/** An event that carries the secret. */
export const orderPlaced = (orderId = "order-1") =>
  OrderPlaced.create({ aggregateId: orderId, payload: { orderId, card: secret } });

export interface TracingSceneOptions {
  readonly step?: Step<BaseEvent>;
  readonly converter?: MessageConverter;
  readonly handle?: HandlerFunction<"order.placed", unknown, MemoryTransaction, undefined>;
  readonly relay?: Partial<OutboxRelayOptions>;
  readonly inbox?: Partial<InboxConsumerOptions<MemoryTransaction, undefined>>;
}

/** One service with its outbox, and another with its inbox and an outbox of its own, over an in-memory broker. */
export function createTracingScene(options: TracingSceneOptions = {}) {
  const {
    step = tracing(),
    converter = tracedMessages(),
    handle = () => undefined,
    relay: relayOptions,
    inbox,
  } = options;
  const outbox = createMemoryOutbox({ context: traceContext() });
  const shippingOutbox = createMemoryOutbox({ context: traceContext() });
  const broker = createMemoryBroker();
  broker.bind("shipping.orders", "orders");
  broker.bind("nobody.shipments", "shipments");
  const relayOver = (repository: typeof outbox.repository, more: Partial<OutboxRelayOptions> = {}): OutboxRelay =>
    createOutboxRelay({
      repository,
      publisher: broker.publisher(),
      logger: silentLogger,
      steps: [step],
      converter,
      ...more,
    });
  const relay = relayOver(outbox.repository, relayOptions);
  const shippingRelay = relayOver(shippingOutbox.repository);
  const handled: { readonly resolve: () => void; readonly count: number }[] = [];
  let results = 0;
  const consumer: InboxConsumer = createInboxConsumer<MemoryTransaction, undefined>({
    consumer: broker.consumer({ queue: "shipping.orders" }),
    repository: createMemoryInboxRepository(),
    consumerGroup: "shipping",
    router: createEventRouter<MemoryTransaction>().on(OrderPlaced, handle as never),
    outbox: shippingOutbox,
    logger: silentLogger,
    steps: [step],
    ...inbox,
    onResult() {
      results += 1;
      for (const { resolve, count } of handled) if (results >= count) resolve();
    },
  });
  const workers = [consumer, relay, shippingRelay];

  return {
    outbox,
    shippingOutbox,
    broker,
    relay,
    shippingRelay,
    consumer,
    start: () => Promise.all(workers.map((worker) => worker.start())),
    stop: () => Promise.all(workers.map((worker) => worker.stop())),
    /** Resolves when so many messages have been dealt with in all. */
    received: (count: number) =>
      new Promise<void>((resolve) => {
        handled.push({ resolve, count });
        if (results >= count) resolve();
      }),
  };
}
