import type { BindingDefinition, ExchangeDefinition, QueueDefinition } from "./define-topology.js";

/** Where a queue's dead letters go. */
export interface DeadLetterNames {
  readonly exchange: string;
  readonly queue: string;
}

/** The names for what dead-letters from here, where they are not given: its own with `.dead` behind it. */
export function deadLetterNames(
  name: string,
  given: { readonly exchange?: string | undefined; readonly queue?: string | undefined } = {},
): DeadLetterNames {
  const { exchange = `${name}.dead`, queue = `${name}.dead` } = given;
  return { exchange, queue };
}

/** The dead-letter exchange, its queue and their binding. */
export function deadLetterTopology(names: DeadLetterNames): {
  readonly exchange: ExchangeDefinition;
  readonly queue: QueueDefinition;
  readonly binding: BindingDefinition;
} {
  return {
    exchange: { name: names.exchange, type: "fanout" },
    queue: { name: names.queue },
    binding: { exchange: names.exchange, queue: names.queue },
  };
}

/**
 * What makes a quorum queue keep a dead letter until the dead-letter queue has confirmed it; by default it could get lost on
 * the way ("At-Least-Once Dead Lettering for Quorum Queues", RabbitMQ 3.10 and later). It asks for this overflow behaviour, which
 * matters only to a queue with a length limit.
 */
export const safeDeadLettering: Readonly<Record<string, unknown>> = Object.freeze({
  "x-dead-letter-strategy": "at-least-once",
  "x-overflow": "reject-publish",
});
