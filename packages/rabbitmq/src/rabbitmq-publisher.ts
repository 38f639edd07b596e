import {
  type EventPublisher,
  invalidOptions,
  OmniBoxError,
  type OutgoingMessage,
  type PublisherCapabilities,
  type PublisherHealth,
  type PublishOptions,
  partitionBucket,
} from "@omni-box/core";
import type { z } from "zod";
import { assertTopology } from "./assert-topology.js";
import { ChannelSlot } from "./channel-slot.js";
import { checkTopology } from "./check-topology.js";
import type { ConnectionSession } from "./connection-session.js";
import { ConnectionSupervisor } from "./connection-supervisor.js";
import { rabbitMqDefaults } from "./defaults.js";
import { type EncodedMessage, encodeMessage } from "./encode-message.js";
import { HeartbeatCheck } from "./heartbeat-check.js";
import { OpenPublications } from "./open-publications.js";
import type { rabbitMqPublisherOptionsSchema } from "./rabbitmq-publisher-options.js";
import { runTopologySteps } from "./run-topology-steps.js";
import { checkExchangeStep } from "./topology-steps.js";

type Options = z.output<typeof rabbitMqPublisherOptionsSchema>;

/** The publisher behind `createRabbitMqPublisher`. */
export class RabbitMqPublisher implements EventPublisher {
  readonly capabilities: PublisherCapabilities;
  readonly #options: Options;
  readonly #publications: OpenPublications;
  readonly #slots: readonly ChannelSlot[];
  readonly #supervisor: ConnectionSupervisor;
  readonly #heartbeatCheck: HeartbeatCheck;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;

  constructor(options: Options) {
    this.#options = options;
    this.capabilities = Object.freeze({ reportsUnroutable: options.unroutable === "fail" });
    this.#publications = new OpenPublications(options.clock);
    this.#heartbeatCheck = new HeartbeatCheck(options.logger);
    const { closeTimeoutMs } = rabbitMqDefaults;
    this.#slots = Array.from(
      { length: options.channels },
      () =>
        new ChannelSlot({
          ...options,
          maxUnconfirmed: Math.ceil(options.maxUnconfirmed / options.channels),
          openTimeoutMs: options.connectTimeoutMs,
          closeTimeoutMs,
          publications: this.#publications,
        }),
    );
    this.#supervisor = new ConnectionSupervisor({
      ...options,
      closeTimeoutMs,
      prepare: (session) => this.#prepare(session),
      onBlockedChange: (session) => this.#onBlockedChange(session),
      onEnded: (session, reason) => {
        for (const slot of this.#slots) slot.detach(session, reason);
      },
      onDown: () => {
        for (const slot of this.#slots) slot.failQueued("BROKER.UNREACHABLE", `not sent: ${this.#whyDown()}`);
      },
    });
  }

  start(): Promise<void> {
    if (this.#stopping !== null) return this.#stopping.then(() => this.start());
    this.#starting ??= this.#start();
    return this.#starting;
  }

  publish(message: OutgoingMessage, options: PublishOptions): Promise<void> {
    if (this.#starting === null || this.#stopping !== null) {
      const why = this.#stopping === null ? "the publisher is not started" : "the publisher is stopping";
      return Promise.reject(notSent("BROKER.STOPPED", message, why));
    }
    if (this.#supervisor.state === "down") {
      return Promise.reject(notSent("BROKER.UNREACHABLE", message, this.#whyDown()));
    }
    let encoded: EncodedMessage;
    try {
      assertTimeout(options.timeoutMs);
      this.#heartbeatCheck.onPublish(this.#supervisor.session, options);
      encoded = encodeMessage(message, this.#options.appId);
    } catch (error) {
      return Promise.reject(error);
    }
    // The index is always in range; the fallback is for the compiler.
    const slot = this.#slots[partitionBucket(message.partitionKey, this.#slots.length)] as ChannelSlot;
    return this.#publications.open(encoded, message.partitionKey, options, slot);
  }

  stop(options: { readonly timeoutMs: number }): Promise<void> {
    if (this.#stopping !== null) return this.#stopping;
    if (this.#starting === null) return Promise.resolve();
    this.#stopping = this.#stop(options.timeoutMs);
    return this.#stopping;
  }

  health(): PublisherHealth {
    const unconfirmed = this.#slots.reduce((sum, slot) => sum + slot.unconfirmed, 0);
    const result = (status: PublisherHealth["status"], ...reasons: string[]) => ({ status, reasons, unconfirmed });
    if (this.#stopping !== null) return result("unhealthy", "the publisher is stopping");
    if (this.#starting === null) return result("unhealthy", "the publisher is not started");
    const { state, session } = this.#supervisor;
    if (state === "connecting") return result("degraded", "connecting to RabbitMQ");
    if (session === null) return result("unhealthy", this.#whyDown());
    if (session.blockedReason === null) return result("healthy");
    return result("degraded", `RabbitMQ blocks publishers: ${session.blockedReason}`);
  }

  async #start(): Promise<void> {
    try {
      await this.#supervisor.start();
    } catch (error) {
      this.#starting = null;
      for (const slot of this.#slots) slot.failQueued("BROKER.STOPPED", "not sent: the publisher could not be started");
      this.#publications.rest();
      throw error;
    }
  }

  async #stop(timeoutMs: number): Promise<void> {
    await this.#publications.whenSettled(timeoutMs);
    for (const slot of this.#slots) slot.failQueued("BROKER.STOPPED", "not sent: the publisher was stopped");
    await this.#supervisor.stop();
    this.#publications.rest();
    this.#starting = null;
    this.#stopping = null;
  }

  async #prepare(session: ConnectionSession): Promise<void> {
    this.#heartbeatCheck.onConnection(session);
    const { connection } = session;
    const { exchange, topology } = this.#options;
    if (topology.assert !== undefined) await assertTopology(connection, topology.assert);
    if (topology.check !== undefined) await checkTopology(connection, topology.check);
    // The default exchange always exists, and looking for it is refused.
    if (exchange !== "") await runTopologySteps(connection, [checkExchangeStep(exchange)]);
    await Promise.all(this.#slots.map((slot) => slot.attach(session)));
  }

  #onBlockedChange(session: ConnectionSession): void {
    const { logger } = this.#options;
    if (session.blockedReason !== null) {
      logger.warn({ reason: session.blockedReason }, "RabbitMQ blocks publishers; publishing waits");
      return;
    }
    logger.info({}, "RabbitMQ takes messages again");
    for (const slot of this.#slots) slot.resume();
  }

  #whyDown(): string {
    const failure = this.#supervisor.lastFailure;
    return failure === null
      ? "there is no connection to RabbitMQ"
      : `there is no connection to RabbitMQ: ${failure.message}`;
  }
}

function assertTimeout(timeoutMs: number): void {
  if (timeoutMs >= 0) return;
  throw invalidOptions("publish", [`timeoutMs: expected a number of milliseconds, got ${timeoutMs}`]);
}

function notSent(code: "BROKER.STOPPED" | "BROKER.UNREACHABLE", message: OutgoingMessage, why: string): OmniBoxError {
  const meta = { messageId: message.id, topic: message.topic, mayHaveArrived: false };
  return new OmniBoxError(code, `message ${message.id}: not sent: ${why}`, { meta });
}
