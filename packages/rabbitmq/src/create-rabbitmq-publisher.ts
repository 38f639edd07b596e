import { type EventPublisher, validateOptions } from "@omni-box/core";
import { RabbitMqPublisher } from "./rabbitmq-publisher.js";
import { type RabbitMqPublisherOptions, rabbitMqPublisherOptionsSchema } from "./rabbitmq-publisher-options.js";

/**
 * Creates a publisher for RabbitMQ: confirmed, persistent, mandatory messages over a connection of its own, which it makes
 * again whenever it is lost.
 *
 * Messages of one partition key use the same channel and are written in the order of the calls. While a connection is being
 * made that may well succeed (the first one after `start`, or the first attempt after a loss) a message waits for it within
 * its time-out; once an attempt has failed, `publish` rejects with BROKER.UNREACHABLE until there is a connection.
 *
 * When the broker turns out to lack what is needed, `start` rejects; if that is found out only later, because the broker could
 * not be reached at the start or lost its definitions, nothing is published (BROKER.UNREACHABLE), `health` is unhealthy
 * and says what is missing, and each attempt to connect looks again. So it is when the exchange is deleted meanwhile: the
 * connection is made again, and with `topology.assert` the exchange with it.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists every problem of the options.
 */
export function createRabbitMqPublisher(options: RabbitMqPublisherOptions): EventPublisher {
  return new RabbitMqPublisher(validateOptions("createRabbitMqPublisher", rabbitMqPublisherOptionsSchema, options));
}
