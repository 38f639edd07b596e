import {
  type Clock,
  consoleLogger,
  defaults,
  functionOption,
  type Logger,
  milliseconds,
  objectWith,
  systemClock,
} from "@omni-box/core";
import { z } from "zod";
import type { AmqpConnectionLike } from "./amqp-connection-like.js";
import { rabbitMqDefaults } from "./defaults.js";
import { type TopologyDefinition, topologySchema } from "./define-topology.js";

/** A binding of the consumer's queue. */
export interface ConsumerBinding {
  readonly exchange: string;
  /** Default `#`: everything, for a topic exchange. */
  readonly routingKey?: string | undefined;
  readonly arguments?: Readonly<Record<string, unknown>> | undefined;
}

/** Options of {@link createRabbitMqConsumer}. */
export interface RabbitMqConsumerOptions {
  /** Makes a connection of this consumer's own: `() => amqp.connect(url)`. Called again whenever one was lost. */
  readonly connect: () => Promise<AmqpConnectionLike>;
  readonly queue: string;
  /** What the queue gets. An exchange that is missing is created as a topic exchange; one that exists is taken as it is. */
  readonly bindings?: readonly ConsumerBinding[] | undefined;
  /**
   * `assert`, the default: queue, dead-letter exchange and queue, and bindings are created when they are missing. `check`: others
   * declare them; they are only looked for, and the options that describe the queue say what it is.
   */
  readonly declare?: "assert" | "check" | undefined;
  /** Default `quorum`. Classic queues do not count deliveries. */
  readonly queueType?: "quorum" | "classic" | undefined;
  /**
   * Names of the exchange and the queue that refused messages go to; default both `<queue>.dead`. `false`: the queue has no
   * dead-letter exchange. With `declare: "check"` the default is `false`, and what is named is looked for.
   */
  readonly deadLetter?:
    | false
    | { readonly exchange?: string | undefined; readonly queue?: string | undefined }
    | undefined;
  /** Redeliveries after which the queue dead-letters a message; default none. Lost consumers count too, so never set it low. */
  readonly deliveryLimit?: number | undefined;
  /** Only one of the queue's consumers gets messages, in order; another one takes over when it goes. Default `false`. */
  readonly singleActiveConsumer?: boolean | undefined;
  /**
   * More arguments of the queue, such as `{ "x-message-ttl": 86_400_000 }`. A limit of its length needs `x-overflow` beside it:
   * what a full queue does to its publishers, or to its oldest messages, is to be chosen.
   */
  readonly queueArguments?: Readonly<Record<string, unknown>> | undefined;
  /** What else must exist at the broker: created on every connection (`assert`), or looked for (`check`), before the queue. */
  readonly topology?:
    | { readonly assert?: TopologyDefinition | undefined; readonly check?: TopologyDefinition | undefined }
    | undefined;
  /** Most messages in hand at once; default 100, at most 65,535. */
  readonly prefetch?: number | undefined;
  /** The longest one attempt to connect may take, topology included; default 5,000 ms. */
  readonly connectTimeoutMs?: number | undefined;
  /** Ceiling of the first pause before connecting again, full jitter; default 200 ms. */
  readonly reconnectBaseMs?: number | undefined;
  /** Ceiling of all such pauses; default 10,000 ms. */
  readonly reconnectMaxMs?: number | undefined;
  /** Default: warnings and errors to stderr. */
  readonly logger?: Logger | undefined;
  /** Default: the machine's. */
  readonly clock?: Clock | undefined;
}

const name = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= 255, "must not be longer than 255 bytes");
// With ".dead" behind it, it is still a name.
const queueName = name.refine((text) => Buffer.byteLength(text) <= 250, "must not be longer than 250 bytes");
const brokerArguments = z.record(z.string(), z.unknown()).optional();

/** The schema of {@link RabbitMqConsumerOptions}. */
export const rabbitMqConsumerOptionsSchema = z
  .strictObject({
    connect: functionOption<() => Promise<AmqpConnectionLike>>("() => Promise of an amqplib connection"),
    queue: queueName,
    bindings: z
      .array(z.strictObject({ exchange: name, routingKey: z.string().optional(), arguments: brokerArguments }))
      .default([]),
    declare: z.enum(["assert", "check"]).default("assert"),
    queueType: z.enum(["quorum", "classic"]).default("quorum"),
    deadLetter: z
      .union([z.literal(false), z.strictObject({ exchange: name.optional(), queue: name.optional() })])
      .optional(),
    deliveryLimit: z.int().min(1).optional(),
    singleActiveConsumer: z.boolean().default(false),
    queueArguments: brokerArguments,
    topology: z.strictObject({ assert: topologySchema.optional(), check: topologySchema.optional() }).default({}),
    prefetch: z.int().min(1).max(65_535).default(rabbitMqDefaults.prefetch),
    connectTimeoutMs: milliseconds(1).default(rabbitMqDefaults.connectTimeoutMs),
    reconnectBaseMs: milliseconds(1).default(defaults.outageBaseMs),
    reconnectMaxMs: milliseconds(1).default(defaults.outageMaxMs),
    logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error").default(consoleLogger),
    clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
  })
  .refine(
    (options) => options.reconnectBaseMs <= options.reconnectMaxMs,
    "reconnectBaseMs must not be longer than reconnectMaxMs",
  )
  .refine(
    ({ declare, deliveryLimit, queueArguments }) =>
      declare === "assert" || (deliveryLimit === undefined && queueArguments === undefined),
    'with declare "check" the queue is not declared here: leave deliveryLimit and queueArguments out',
  )
  .refine(
    ({ queueArguments = {} }) =>
      !["x-max-length", "x-max-length-bytes"].some((limit) => limit in queueArguments) ||
      "x-overflow" in queueArguments,
    'a length limit in queueArguments needs "x-overflow" beside it: "reject-publish" refuses messages to their publishers, ' +
      'whose other queues then may get them twice; "drop-head" takes the oldest messages out of the queue unhandled',
  )
  .refine(
    ({ deliveryLimit, queueType }) => deliveryLimit === undefined || queueType === "quorum",
    "only quorum queues have a deliveryLimit",
  )
  .refine(
    ({ deliveryLimit, deadLetter }) => deliveryLimit === undefined || deadLetter !== false,
    "a deliveryLimit needs a dead-letter exchange, or the broker drops what reaches the limit",
  );

/** The options with their defaults filled in. */
export type ResolvedRabbitMqConsumerOptions = z.output<typeof rabbitMqConsumerOptionsSchema>;
