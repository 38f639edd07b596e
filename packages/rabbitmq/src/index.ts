export type {
  AmqpChannelLike,
  AmqpConfirmChannelLike,
  AmqpConnectionLike,
  AmqpEmitterLike,
  AmqpListener,
  AmqpPublishOptions,
} from "./amqp-connection-like.js";
export { assertTopology } from "./assert-topology.js";
export { checkTopology } from "./check-topology.js";
export { createRabbitMqPublisher } from "./create-rabbitmq-publisher.js";
export { rabbitMqDefaults } from "./defaults.js";
export {
  type BindingDefinition,
  defineTopology,
  type ExchangeDefinition,
  type QueueDefinition,
  type Topology,
  type TopologyDefinition,
} from "./define-topology.js";
export type { RabbitMqPublisherOptions } from "./rabbitmq-publisher-options.js";
