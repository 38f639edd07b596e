import { deadLetterNames, deadLetterTopology, safeDeadLettering } from "./dead-letter-topology.js";
import { type ExchangeDefinition, type Topology, topologySchema } from "./define-topology.js";
import type { ResolvedRabbitMqConsumerOptions } from "./rabbitmq-consumer-options.js";

/** What a consumer declares for itself: its queue, where its dead letters go, and its bindings. */
export function declaredTopology(options: ResolvedRabbitMqConsumerOptions): Topology {
  const { queue: name, queueType: type, bindings, deliveryLimit, singleActiveConsumer } = options;
  const own = { name, type, deliveryLimit, singleActiveConsumer };
  const exchanges = bindings.map(({ exchange }): ExchangeDefinition => ({ name: exchange, shared: true }));
  const distinct = exchanges.filter(({ name }, index) => exchanges.findIndex((one) => one.name === name) === index);
  const bound = bindings.map((binding) => ({ ...binding, queue: name }));
  if (options.deadLetter === false) {
    const queue = { ...own, arguments: options.queueArguments };
    return topologySchema.parse({ exchanges: distinct, queues: [queue], bindings: bound });
  }
  const names = deadLetterNames(name, options.deadLetter);
  const dead = deadLetterTopology(names);
  // RabbitMQ has no such dead-lettering for a queue that drops its oldest messages.
  const isSafe = type === "quorum" && (options.queueArguments?.["x-overflow"] ?? "reject-publish") === "reject-publish";
  const queue = {
    ...own,
    deadLetterExchange: names.exchange,
    arguments: { ...(isSafe ? safeDeadLettering : {}), ...options.queueArguments },
  };
  return topologySchema.parse({
    exchanges: [...distinct, dead.exchange],
    queues: [queue, dead.queue],
    bindings: [...bound, dead.binding],
  });
}

/** What a consumer looks for when others declare: its queue, and whatever else is named. */
export function expectedTopology({ queue, bindings, deadLetter }: ResolvedRabbitMqConsumerOptions): Topology {
  const named = deadLetter === false ? {} : (deadLetter ?? {});
  return topologySchema.parse({
    exchanges: named.exchange === undefined ? [] : [{ name: named.exchange }],
    queues: [{ name: queue }, ...(named.queue === undefined ? [] : [{ name: named.queue }])],
    bindings: bindings.map((binding) => ({ ...binding, queue })),
  });
}
