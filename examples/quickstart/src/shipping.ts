// #region consume
import { createEventRouter, createInboxConsumer, type InboxConsumeResult } from "@omni-box/core";
import { createPrismaInboxRepository } from "@omni-box/prisma";
import { createRabbitMqConsumer } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { OrderPlaced } from "./events.js";
import type { Prisma, PrismaClient } from "./generated/client.js";

export function createShipping(prisma: PrismaClient, amqpUrl: string, onResult?: (result: InboxConsumeResult) => void) {
  const router = createEventRouter<Prisma.TransactionClient>().on(OrderPlaced, async (event, { tx }) => {
    // Commits together with the record that the message was handled: once, however often it is delivered.
    await tx.shipment.create({ data: { orderId: event.payload.orderId } });
  });

  return createInboxConsumer({
    consumer: createRabbitMqConsumer({
      connect: () => connect(amqpUrl, { noDelay: true, timeout: 5_000 }),
      queue: "quickstart.shipping",
      bindings: [{ exchange: "quickstart", routingKey: "orders" }],
    }),
    repository: createPrismaInboxRepository(prisma),
    consumerGroup: "shipping",
    router,
    onResult,
  });
}
// #endregion consume
