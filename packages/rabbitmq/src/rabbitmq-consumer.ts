import type { ConsumerCapabilities, ConsumerHealth, DeliveryListener, EventConsumer } from "@omni-box/core";
import { assertTopology } from "./assert-topology.js";
import { checkTopology } from "./check-topology.js";
import type { ConnectionSession } from "./connection-session.js";
import { ConnectionSupervisor } from "./connection-supervisor.js";
import { declaredTopology, expectedTopology } from "./consumer-topology.js";
import { rabbitMqDefaults } from "./defaults.js";
import { consumerHeartbeatWarning } from "./heartbeat-warning.js";
import type { ResolvedRabbitMqConsumerOptions } from "./rabbitmq-consumer-options.js";
import { refusalText, topologyMismatch } from "./run-topology-steps.js";
import { Subscription } from "./subscription.js";
import { tolerateHeaders } from "./tolerate-headers.js";

const { closeTimeoutMs } = rabbitMqDefaults;

/** The consumer behind `createRabbitMqConsumer`. */
export class RabbitMqConsumer implements EventConsumer {
  readonly capabilities: ConsumerCapabilities;
  readonly prefetch: number;
  readonly #options: ResolvedRabbitMqConsumerOptions;
  readonly #supervisor: ConnectionSupervisor;
  /** The latest connection with a subscription, and that subscription. */
  #session: ConnectionSession | null = null;
  #subscription: Subscription | null = null;
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  #isPaused = false;
  #hasWarned = false;
  #onEmpty: (() => void) | null = null;
  #listener: DeliveryListener = () => undefined;

  constructor(options: ResolvedRabbitMqConsumerOptions) {
    this.#options = options;
    this.prefetch = options.prefetch;
    const { declare, deadLetter, queueType } = options;
    this.capabilities = Object.freeze({
      countsDeliveries: queueType === "quorum",
      deadLetters: declare === "assert" ? deadLetter !== false : typeof deadLetter === "object",
    });
    this.#supervisor = new ConnectionSupervisor({
      ...options,
      closeTimeoutMs,
      prepare: (session) => this.#prepare(session),
      // RabbitMQ holds back connections that publish; this one never does.
      onBlockedChange: () => undefined,
      onEnded: (session, reason) => {
        if (session === this.#session) this.#subscription?.end(reason);
      },
      onDown: () => undefined,
    });
  }

  start(listener: DeliveryListener): Promise<void> {
    if (this.#stopping !== null) return this.#stopping.then(() => this.start(listener));
    this.#starting ??= this.#start(listener);
    return this.#starting;
  }

  async pause(): Promise<void> {
    if (this.#starting === null) return;
    this.#isPaused = true;
    await this.#subscription?.pause();
  }

  stop(options: { readonly timeoutMs: number }): Promise<void> {
    if (this.#stopping !== null) return this.#stopping;
    if (this.#starting === null) return Promise.resolve();
    this.#stopping = this.#stop(options.timeoutMs);
    return this.#stopping;
  }

  health(): ConsumerHealth {
    const unsettled = this.#subscription?.unsettled ?? 0;
    const result = (status: ConsumerHealth["status"], ...reasons: string[]) => ({ status, reasons, unsettled });
    if (this.#stopping !== null) return result("unhealthy", "the consumer is stopping");
    if (this.#starting === null) return result("unhealthy", "the consumer is not started");
    const { state, session, lastFailure } = this.#supervisor;
    if (state === "connecting") return result("degraded", "connecting to RabbitMQ");
    if (session === null) {
      return result("unhealthy", `there is no subscription at RabbitMQ: ${lastFailure?.message ?? "not connected"}`);
    }
    return this.#isPaused ? result("degraded", "the consumer is paused") : result("healthy");
  }

  async #start(listener: DeliveryListener): Promise<void> {
    this.#listener = listener;
    this.#isPaused = false;
    try {
      await this.#supervisor.start();
    } catch (error) {
      this.#starting = null;
      throw error;
    }
  }

  async #stop(timeoutMs: number): Promise<void> {
    await this.pause();
    await this.#whenEmpty(timeoutMs);
    await this.#subscription?.close();
    if (this.#subscription?.isSilent) this.#session?.destroy(new Error("RabbitMQ did not answer the stop"));
    await this.#supervisor.stop();
    this.#subscription = null;
    this.#session = null;
    this.#starting = null;
    this.#stopping = null;
  }

  /** Resolves when nothing is in hand, or the time is up. */
  async #whenEmpty(timeoutMs: number): Promise<void> {
    if ((this.#subscription?.unsettled ?? 0) === 0) return;
    await new Promise<void>((resolve) => {
      const cancelTimer = this.#options.clock.schedule(timeoutMs, resolve);
      this.#onEmpty = () => {
        cancelTimer();
        resolve();
      };
    });
    this.#onEmpty = null;
  }

  async #prepare(session: ConnectionSession): Promise<void> {
    const { connection } = session;
    const { topology, declare } = this.#options;
    this.#checkHeartbeat(session);
    tolerateHeaders(connection);
    if (topology.assert !== undefined) await assertTopology(connection, topology.assert);
    if (topology.check !== undefined) await checkTopology(connection, topology.check);
    if (declare === "assert") await assertTopology(connection, declaredTopology(this.#options));
    else await checkTopology(connection, expectedTopology(this.#options));
    await this.#subscribe(session);
  }

  #checkHeartbeat({ internals: { heartbeatSeconds } }: ConnectionSession): void {
    const warning = consumerHeartbeatWarning(heartbeatSeconds);
    if (warning === null || this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.logger.warn({ heartbeatSeconds }, warning);
  }

  /** A lost subscription costs the connection: nothing else uses it, and so there is one way to recover. */
  async #subscribe(session: ConnectionSession): Promise<void> {
    const { queue } = this.#options;
    const channel = await session.connection.createChannel();
    const subscription = new Subscription(channel, {
      ...this.#options,
      closeTimeoutMs,
      countsDeliveries: this.capabilities.countsDeliveries,
      listener: this.#listener,
      onEmpty: () => this.#onEmpty?.(),
      onLost: (reason) => {
        if (session.isAlive) void session.close(reason);
      },
    });
    this.#subscription = subscription;
    this.#session = session;
    if (this.#isPaused || !session.isAlive) return;
    try {
      await subscription.begin();
    } catch (error) {
      const problem = refusalText(`subscription to queue "${queue}"`, error);
      throw problem === null ? error : topologyMismatch([problem]);
    }
  }
}
