import amqp, { type ChannelModel, type RecoveringChannelModel } from "amqplib";
import type { AmqpChannelLike, AmqpConfirmChannelLike, AmqpConnectionLike } from "./amqp-connection-like.js";
import { createRabbitMqPublisher } from "./create-rabbitmq-publisher.js";

declare const model: ChannelModel;
declare const recovering: RecoveringChannelModel;

// The real types of amqplib fit the subset.
model satisfies AmqpConnectionLike;
(await model.createChannel()) satisfies AmqpChannelLike;
(await model.createConfirmChannel()) satisfies AmqpConfirmChannelLike;
createRabbitMqPublisher({ connect: () => amqp.connect("amqp://localhost?heartbeat=3"), exchange: "events" });

// @ts-expect-error amqplib's own recovery restores neither channels nor confirms.
recovering satisfies AmqpConnectionLike;
createRabbitMqPublisher({
  // @ts-expect-error the same, where a user would meet it.
  connect: () => amqp.connect("amqp://localhost", { recovery: true }),
  exchange: "events",
});
