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

/** Options of {@link createRabbitMqPublisher}. */
export interface RabbitMqPublisherOptions {
  /** Makes a connection of this publisher's own: `() => amqp.connect(url)`. Called again whenever one was lost. */
  readonly connect: () => Promise<AmqpConnectionLike>;
  /** Where messages go, with their topic as the routing key. `""` is the default exchange: the topic is then a queue's name. */
  readonly exchange: string;
  /** What must exist at the broker: created on every connection (`assert`), or looked for (`check`). The exchange is always looked for. */
  readonly topology?:
    | { readonly assert?: TopologyDefinition | undefined; readonly check?: TopologyDefinition | undefined }
    | undefined;
  /** A message that no queue wants is failed for good, or refused so that it is tried again; default `fail`. */
  readonly unroutable?: "fail" | "retry" | undefined;
  /** Sent with every message as its `app_id`. */
  readonly appId?: string | undefined;
  /** Confirm channels; default 4. */
  readonly channels?: number | undefined;
  /** Messages that may be written and unconfirmed at once, over all channels; default 4,000. */
  readonly maxUnconfirmed?: number | undefined;
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

/** The schema of {@link RabbitMqPublisherOptions}. */
export const rabbitMqPublisherOptionsSchema = z
  .strictObject({
    connect: functionOption<() => Promise<AmqpConnectionLike>>("() => Promise of an amqplib connection"),
    exchange: z.string().refine((name) => Buffer.byteLength(name) <= 255, "must not be longer than 255 bytes"),
    topology: z.strictObject({ assert: topologySchema.optional(), check: topologySchema.optional() }).default({}),
    unroutable: z.enum(["fail", "retry"]).default("fail"),
    appId: z
      .string()
      .refine((name) => Buffer.byteLength(name) <= 255, "must not be longer than 255 bytes")
      .optional(),
    channels: z.int().min(1).max(100).default(rabbitMqDefaults.channels),
    maxUnconfirmed: z.int().min(1).max(1_000_000).default(rabbitMqDefaults.maxUnconfirmed),
    connectTimeoutMs: milliseconds(1).default(rabbitMqDefaults.connectTimeoutMs),
    reconnectBaseMs: milliseconds(1).default(defaults.outageBaseMs),
    reconnectMaxMs: milliseconds(1).default(defaults.outageMaxMs),
    logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error").default(consoleLogger),
    clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
  })
  .refine(({ channels, maxUnconfirmed }) => channels <= maxUnconfirmed, "maxUnconfirmed must not be less than channels")
  .refine(
    (options) => options.reconnectBaseMs <= options.reconnectMaxMs,
    "reconnectBaseMs must not be longer than reconnectMaxMs",
  );
