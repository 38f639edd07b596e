import type { AmqpChannelLike } from "./amqp-connection-like.js";
import type { Topology } from "./define-topology.js";

/** One thing asked of the broker about its topology, on a channel that a refusal closes. */
export interface TopologyStep {
  /** What it is about, for the list of problems. */
  readonly subject: string;
  readonly run: (channel: AmqpChannelLike) => Promise<unknown>;
}

/** Looks whether an exchange exists. AMQP's passive declaration says nothing about its type or arguments. */
export function checkExchangeStep(name: string): TopologyStep {
  return { subject: `exchange "${name}"`, run: (channel) => channel.checkExchange(name) };
}

/** Looks for every exchange and queue that the topology names. AMQP has no way to look for a binding. */
export function checkSteps(topology: Topology): TopologyStep[] {
  const declared = topology.exchanges.map((exchange) => exchange.name);
  const bound = [
    ...topology.bindings.map((binding) => binding.exchange),
    ...topology.exchangeBindings.flatMap((binding) => [binding.source, binding.destination]),
  ];
  const exchanges = new Set([...declared, ...bound, ...deadLetterExchanges(topology)]);
  const queues = new Set([...topology.queues.map((queue) => queue.name), ...topology.bindings.map((b) => b.queue)]);
  return [
    ...[...exchanges].map(checkExchangeStep),
    ...[...queues].map((name) => ({
      subject: `queue "${name}"`,
      run: (channel: AmqpChannelLike) => channel.checkQueue(name),
    })),
  ];
}

/**
 * Creates what is missing; the broker refuses what exists with other properties.
 *
 * @param taken - exchanges that exist and are not to be declared, whatever their type
 */
export function assertSteps(topology: Topology, taken: ReadonlySet<string> = new Set()): TopologyStep[] {
  const declared = new Set(topology.exchanges.map((exchange) => exchange.name));
  const exchanges = topology.exchanges.filter((exchange) => !taken.has(exchange.name));
  return [
    ...exchanges.map((exchange) => ({
      subject: `exchange "${exchange.name}"`,
      run: (channel: AmqpChannelLike) =>
        channel.assertExchange(exchange.name, exchange.type, {
          durable: true,
          ...(exchange.alternateExchange === undefined ? {} : { alternateExchange: exchange.alternateExchange }),
          arguments: { ...exchange.arguments },
        }),
    })),
    // A queue dead-letters into a missing exchange without a word: the messages would be gone.
    ...deadLetterExchanges(topology)
      .filter((name) => !declared.has(name))
      .map(checkExchangeStep),
    ...topology.queues.map((queue) => ({
      subject: `queue "${queue.name}"`,
      run: (channel: AmqpChannelLike) =>
        channel.assertQueue(queue.name, { durable: true, arguments: queueArguments(queue) }),
    })),
    ...topology.bindings.map(({ exchange, queue, routingKey, arguments: args }) => ({
      subject: `binding of queue "${queue}" to exchange "${exchange}" with "${routingKey}"`,
      run: (channel: AmqpChannelLike) => channel.bindQueue(queue, exchange, routingKey, { ...args }),
    })),
    ...topology.exchangeBindings.map(({ source, destination, routingKey, arguments: args }) => ({
      subject: `binding of exchange "${destination}" to exchange "${source}" with "${routingKey}"`,
      run: (channel: AmqpChannelLike) => channel.bindExchange(destination, source, routingKey, { ...args }),
    })),
  ];
}

function queueArguments(queue: Topology["queues"][number]): Record<string, unknown> {
  return {
    "x-queue-type": queue.type,
    ...(queue.deadLetterExchange === undefined ? {} : { "x-dead-letter-exchange": queue.deadLetterExchange }),
    ...(queue.deadLetterRoutingKey === undefined ? {} : { "x-dead-letter-routing-key": queue.deadLetterRoutingKey }),
    ...(queue.deliveryLimit === undefined ? {} : { "x-delivery-limit": queue.deliveryLimit }),
    ...(queue.singleActiveConsumer === true ? { "x-single-active-consumer": true } : {}),
    ...queue.arguments,
  };
}

function deadLetterExchanges(topology: Topology): string[] {
  const names = topology.queues.map((queue) => queue.deadLetterExchange);
  // The empty name is the default exchange, which always exists.
  return [...new Set(names)].filter((name) => name !== undefined && name !== "") as string[];
}
