import { eventHeaders, expecting, validateOptions } from "@omni-box/core";
import { z } from "zod";
import { deadLetterNames, deadLetterTopology, safeDeadLettering } from "./dead-letter-topology.js";
import { type BindingDefinition, defineTopology, type Topology } from "./define-topology.js";

/** Options of {@link consistentHashTopology}. */
export interface ConsistentHashOptions {
  /** The exchange that divides the messages. */
  readonly exchange: string;
  /** How many queues; they are called `<exchange>.0`, `<exchange>.1` and so on. 1 to 1,000. */
  readonly queues: number;
  /** Where the messages come from. Such an exchange is created as a topic exchange when it is missing. */
  readonly bindings?: readonly Omit<BindingDefinition, "queue">[] | undefined;
  /** What messages of one queue have in common; default the header with the partition key. */
  readonly hashOn?: "routingKey" | { readonly header: string } | undefined;
  /** One consumer per queue gets messages; without it several could work on one key at once. Default `true`. */
  readonly singleActiveConsumer?: boolean | undefined;
  /** As of a queue; default none. */
  readonly deliveryLimit?: number | undefined;
}

/** What {@link consistentHashTopology} makes. */
export interface ConsistentHashTopology {
  /** For `createRabbitMqConsumer({ topology: { assert } })` or `assertTopology`. */
  readonly topology: Topology;
  /** The names of the queues that the messages are divided into. */
  readonly queues: readonly string[];
  /** Where the queues' dead letters go, for the `deadLetter` of their consumers. */
  readonly deadLetter: { readonly exchange: string; readonly queue: string };
}

const name = z.string().min(1).max(240);
const optionsSchema = z.strictObject({
  exchange: name,
  queues: z.int().min(1).max(1_000),
  bindings: z
    .array(
      expecting<Omit<BindingDefinition, "queue">>("a binding", (value) => typeof value === "object" && value !== null),
    )
    .default([]),
  hashOn: z
    .union([z.literal("routingKey"), z.strictObject({ header: name })])
    .default({ header: eventHeaders.partitionKey }),
  singleActiveConsumer: z.boolean().default(true),
  deliveryLimit: z.int().min(1).optional(),
});

/**
 * Describes queues that share the messages of one exchange so that all messages of a key are in the same queue: a consistent-hash
 * exchange, its queues with one active consumer each, and one dead-letter exchange and queue for them all.
 *
 * Needs the plugin `rabbitmq_consistent_hash_exchange`; without it asserting the topology ends with CONFIG.TOPOLOGY_MISMATCH.
 * Another number of queues moves keys to other queues while older messages of theirs still wait: drain them first.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists every problem.
 */
export function consistentHashTopology(options: ConsistentHashOptions): ConsistentHashTopology {
  const valid = validateOptions("consistentHashTopology", optionsSchema, options);
  const { exchange, hashOn, singleActiveConsumer, deliveryLimit, bindings } = valid;
  const queues = Array.from({ length: valid.queues }, (_, index) => `${exchange}.${index}`);
  const deadLetter = deadLetterNames(exchange);
  const dead = deadLetterTopology(deadLetter);
  const sources = [...new Set(bindings.map((binding) => binding.exchange))];
  const topology = defineTopology({
    exchanges: [
      ...sources.map((source) => ({ name: source, shared: true })),
      {
        name: exchange,
        type: "x-consistent-hash",
        arguments: hashOn === "routingKey" ? {} : { "hash-header": hashOn.header },
      },
      dead.exchange,
    ],
    queues: [
      ...queues.map((queue) => ({
        name: queue,
        deadLetterExchange: deadLetter.exchange,
        deliveryLimit,
        singleActiveConsumer,
        arguments: safeDeadLettering,
      })),
      dead.queue,
    ],
    // The routing key of a binding to this kind of exchange is the queue's share.
    bindings: [...queues.map((queue) => ({ exchange, queue, routingKey: "1" })), dead.binding],
    exchangeBindings: bindings.map(({ exchange: source, ...binding }) => ({
      ...binding,
      source,
      destination: exchange,
    })),
  });
  return { topology, queues, deadLetter };
}
