import { type EventConsumer, validateOptions } from "@omni-box/core";
import { RabbitMqConsumer } from "./rabbitmq-consumer.js";
import { type RabbitMqConsumerOptions, rabbitMqConsumerOptionsSchema } from "./rabbitmq-consumer-options.js";

/**
 * Creates a consumer of one RabbitMQ queue, over a connection of its own, which it makes again whenever it is lost.
 *
 * It declares what it needs unless others do. A channel that RabbitMQ closes, a subscription that it ends, a deleted queue and
 * a lost connection are all met alike: what was in hand is marked as lost, and everything is made anew after a pause. What
 * was in hand comes again.
 *
 * Acknowledgements reach the broker within milliseconds, many at once where their order allows it, and before `stop` has
 * resolved. When the broker turns out to lack what is needed, `start` rejects; if that is found out only later,
 * `health` is unhealthy and says what is missing, and each attempt to connect looks again.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists every problem of the options.
 */
export function createRabbitMqConsumer(options: RabbitMqConsumerOptions): EventConsumer {
  return new RabbitMqConsumer(validateOptions("createRabbitMqConsumer", rabbitMqConsumerOptionsSchema, options));
}
