import { validateOptions } from "@omni-box/core";
import { z } from "zod";

/** An exchange that is to exist. It is durable. */
export interface ExchangeDefinition {
  readonly name: string;
  /** Default `topic`. Types of plugins, such as `x-consistent-hash`, need the plugin. */
  readonly type?: "topic" | "direct" | "fanout" | "headers" | `x-${string}` | undefined;
  /** Takes the messages that no queue wants; they are then not returned as unroutable. */
  readonly alternateExchange?: string | undefined;
  /** It belongs to others: taken as it is, whatever its type, and created only when it is missing. Default `false`. */
  readonly shared?: boolean | undefined;
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
}

/** A queue that is to exist. It is durable. */
export interface QueueDefinition {
  readonly name: string;
  /** Default `quorum`: replicated, and several times faster with confirms than a durable classic queue. */
  readonly type?: "quorum" | "classic" | undefined;
  /** Where the queue sends messages that are rejected, expire or are delivered too often. */
  readonly deadLetterExchange?: string | undefined;
  /** Default: the routing key that the message came with. */
  readonly deadLetterRoutingKey?: string | undefined;
  /**
   * Redeliveries after which a quorum queue gives a message up. Needs `deadLetterExchange`, without which the message
   * would be dropped. Lost consumers count too, so a low limit turns deployments into dead letters.
   */
  readonly deliveryLimit?: number | undefined;
  /** Only one of the queue's consumers gets messages, until it goes; then another one does. Default `false`. */
  readonly singleActiveConsumer?: boolean | undefined;
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
}

/** A binding of a queue to an exchange. */
export interface BindingDefinition {
  readonly exchange: string;
  readonly queue: string;
  /** Default `#`: everything, for a topic exchange. */
  readonly routingKey?: string | undefined;
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
}

/** The binding of an exchange to another one, whose messages it then gets too. */
export interface ExchangeBindingDefinition {
  /** Where the messages come from. */
  readonly source: string;
  readonly destination: string;
  /** Default `#`: everything, for a topic exchange. */
  readonly routingKey?: string | undefined;
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
}

/** What {@link defineTopology} takes. */
export interface TopologyDefinition {
  readonly exchanges?: readonly ExchangeDefinition[] | undefined;
  readonly queues?: readonly QueueDefinition[] | undefined;
  readonly bindings?: readonly BindingDefinition[] | undefined;
  readonly exchangeBindings?: readonly ExchangeBindingDefinition[] | undefined;
}

/** A checked topology with every default filled in. */
export type Topology = z.output<typeof topologySchema>;

const nameMaxBytes = 255;
const name = z.string().min(1).refine(isShort, `must not be longer than ${nameMaxBytes} bytes`);
const text = z.string().refine(isShort, `must not be longer than ${nameMaxBytes} bytes`);
const brokerArguments = z.record(z.string(), z.unknown()).optional();

const queueSchema = z
  .strictObject({
    name,
    type: z.enum(["quorum", "classic"]).default("quorum"),
    deadLetterExchange: text.optional(),
    deadLetterRoutingKey: text.optional(),
    deliveryLimit: z.int().min(1).optional(),
    singleActiveConsumer: z.boolean().optional(),
    arguments: brokerArguments,
  })
  .refine(
    (queue) => queue.deliveryLimit === undefined || queue.type === "quorum",
    "only quorum queues have a deliveryLimit",
  )
  .refine(
    (queue) => queue.deliveryLimit === undefined || queue.deadLetterExchange !== undefined,
    "a deliveryLimit needs a deadLetterExchange, or the broker drops what reaches the limit",
  );

/** The schema of a {@link TopologyDefinition}; the options of the publisher use it too. */
export const topologySchema = z
  .strictObject({
    exchanges: z
      .array(
        z.strictObject({
          name,
          type: z
            .union([z.enum(["topic", "direct", "fanout", "headers"]), z.templateLiteral(["x-", z.string()])])
            .default("topic"),
          alternateExchange: name.optional(),
          shared: z.boolean().optional(),
          arguments: brokerArguments,
        }),
      )
      .default([]),
    queues: z.array(queueSchema).default([]),
    bindings: z
      .array(z.strictObject({ exchange: name, queue: name, routingKey: text.default("#"), arguments: brokerArguments }))
      .default([]),
    exchangeBindings: z
      .array(
        z.strictObject({
          source: name,
          destination: name,
          routingKey: text.default("#"),
          arguments: brokerArguments,
        }),
      )
      .default([]),
  })
  .refine(({ exchanges }) => areDistinct(exchanges), "two exchanges have the same name")
  .refine(({ queues }) => areDistinct(queues), "two queues have the same name");

/**
 * Describes exchanges, queues and bindings, for `createRabbitMqPublisher({ topology })`, `assertTopology` and `checkTopology`.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists every problem.
 */
export function defineTopology(definition: TopologyDefinition): Topology {
  return validateOptions("defineTopology", topologySchema, definition);
}

function isShort(value: string): boolean {
  return Buffer.byteLength(value) <= nameMaxBytes;
}

function areDistinct(items: readonly { readonly name: string }[]): boolean {
  return new Set(items.map((item) => item.name)).size === items.length;
}
