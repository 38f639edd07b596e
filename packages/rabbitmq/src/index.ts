export type {
  AmqpChannelLike,
  AmqpConfirmChannelLike,
  AmqpConnectionLike,
  AmqpDelivered,
  AmqpDelivery,
  AmqpEmitterLike,
  AmqpListener,
  AmqpPublishOptions,
} from "./amqp-connection-like.js";
export { assertTopology } from "./assert-topology.js";
export { checkTopology } from "./check-topology.js";
export {
  type ConsistentHashOptions,
  type ConsistentHashTopology,
  consistentHashTopology,
} from "./consistent-hash-topology.js";
export { createRabbitMqConsumer } from "./create-rabbitmq-consumer.js";
export { createRabbitMqPublisher } from "./create-rabbitmq-publisher.js";
export { rabbitMqDefaults } from "./defaults.js";
export {
  type BindingDefinition,
  defineTopology,
  type ExchangeBindingDefinition,
  type ExchangeDefinition,
  type QueueDefinition,
  type Topology,
  type TopologyDefinition,
} from "./define-topology.js";
export type { ConsumerBinding, RabbitMqConsumerOptions } from "./rabbitmq-consumer-options.js";
export type { RabbitMqPublisherOptions } from "./rabbitmq-publisher-options.js";
