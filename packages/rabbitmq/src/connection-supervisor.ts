import {
  type Clock,
  describeFailure,
  type FailureDescription,
  fullJitterBackoffMs,
  isOmniBoxError,
  type Logger,
  OmniBoxError,
} from "@omni-box/core";
import type { AmqpConnectionLike } from "./amqp-connection-like.js";
import { ConnectionSession } from "./connection-session.js";
import { withinTime } from "./within-time.js";

/**
 * Whether there is a connection: `connecting` while an attempt is under way that may well succeed (the first one, or the
 * first after a loss), `down` from its failure until the next connection.
 */
export type ConnectionState = "stopped" | "connecting" | "up" | "down";

/** What the supervisor needs and whom it tells. */
export interface ConnectionSupervisorOptions {
  readonly connect: () => Promise<AmqpConnectionLike>;
  readonly connectTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly reconnectBaseMs: number;
  readonly reconnectMaxMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Makes a new connection ready for use; when it rejects, the attempt has failed. */
  readonly prepare: (session: ConnectionSession) => Promise<void>;
  readonly onBlockedChange: (session: ConnectionSession) => void;
  /** Called in the turn in which a connection was found to be gone, before the next one is tried. */
  readonly onEnded: (session: ConnectionSession, reason: Error) => void;
  /** Called when the state becomes or stays `down`. */
  readonly onDown: () => void;
}

/** Keeps one connection up for as long as it is started: connects, notices the end, backs off with full jitter, connects again. */
export class ConnectionSupervisor {
  readonly #options: ConnectionSupervisorOptions;
  #run = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #session: ConnectionSession | null = null;
  #upSinceMs = 0;
  #state: ConnectionState = "stopped";
  #lastFailure: FailureDescription | null = null;
  /** Failures in a row; a connection that was lost soon after it was made is one of them. */
  #failures = 0;

  constructor(options: ConnectionSupervisorOptions) {
    this.#options = options;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Why there is no connection; `null` while there is one, and before the first failure. */
  get lastFailure(): FailureDescription | null {
    return this.#lastFailure;
  }

  /** The connection in use. */
  get session(): ConnectionSession | null {
    return this.#state === "up" ? this.#session : null;
  }

  /**
   * Begins to connect; resolves when the first attempt is over, whether it succeeded or not.
   *
   * @throws {OmniBoxError} CONFIG.* when the first attempt shows that the configuration is wrong; it is then stopped.
   */
  start(): Promise<void> {
    this.#run = new AbortController();
    this.#failures = 0;
    this.#lastFailure = null;
    this.#state = "connecting";
    return new Promise((resolve, reject) => {
      this.#loop = this.#keepConnected(this.#run.signal, { resolve, reject });
    });
  }

  /** Ends the connection, saying good-bye if the broker answers in time. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    this.#run.abort(new Error("Stopped"));
    await Promise.all([this.#session?.close(), this.#loop]);
    this.#session = null;
  }

  async #keepConnected(signal: AbortSignal, firstAttempt: FirstAttempt): Promise<void> {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      try {
        const session = await this.#attempt(signal);
        firstAttempt.resolve();
        await session.ended;
      } catch (error) {
        if (signal.aborted) break;
        if (isFirst && isConfigError(error)) {
          this.#state = "stopped";
          return firstAttempt.reject(error);
        }
        this.#onAttemptFailed(error);
        firstAttempt.resolve();
      }
      await this.#backOff(signal);
    }
    firstAttempt.resolve();
  }

  async #attempt(signal: AbortSignal): Promise<ConnectionSession> {
    const { clock, connect, connectTimeoutMs, prepare } = this.#options;
    const endMs = clock.monotonicMs() + connectTimeoutMs;
    const bound = () => ({
      clock,
      signal,
      timeoutMs: endMs - clock.monotonicMs(),
      timeoutError: () => new OmniBoxError("BROKER.UNREACHABLE", `no connection within ${connectTimeoutMs} ms`),
    });
    // The async function turns a `connect` that throws into one that rejects.
    const connecting = (async () => this.#wrap(await connect()))();
    const session = await withinTime(connecting, { ...bound(), onLate: (late) => void late.close() });
    this.#session = session;
    try {
      const endedEarly = session.ended.then(async (reason) => {
        // What `prepare` says about it tells more.
        await new Promise((resolve) => setImmediate(resolve));
        throw reason;
      });
      await withinTime(Promise.race([prepare(session), endedEarly]), bound());
      if (!session.isAlive) throw await session.ended;
    } catch (error) {
      await session.close();
      throw error;
    }
    this.#onUp();
    return session;
  }

  #wrap(connection: AmqpConnectionLike): ConnectionSession {
    assertUsable(connection);
    const { clock, closeTimeoutMs, onBlockedChange } = this.#options;
    return new ConnectionSession(connection, clock, closeTimeoutMs, {
      onEnded: (session, reason) => this.#onEnded(session, reason),
      onBlockedChange,
    });
  }

  #onUp(): void {
    if (this.#lastFailure !== null) this.#options.logger.info({}, "connected to RabbitMQ again");
    this.#state = "up";
    this.#upSinceMs = this.#options.clock.monotonicMs();
    this.#lastFailure = null;
  }

  #onEnded(session: ConnectionSession, reason: Error): void {
    const { clock, logger, onDown, onEnded, reconnectMaxMs } = this.#options;
    onEnded(session, reason);
    if (session !== this.#session || this.#state !== "up") return;
    const wasStable = clock.monotonicMs() - this.#upSinceMs >= reconnectMaxMs;
    this.#failures = wasStable ? 1 : this.#failures + 1;
    this.#lastFailure = describeFailure(reason);
    logger.warn({ error: this.#lastFailure }, "the connection to RabbitMQ was lost; connecting again");
    // A connection that keeps breaking is an outage, not a gap to be waited out.
    this.#state = this.#failures === 1 ? "connecting" : "down";
    if (this.#state === "down") onDown();
  }

  #onAttemptFailed(error: unknown): void {
    const { logger, onDown } = this.#options;
    const failure = describeFailure(error);
    const isNews = this.#state !== "down" || (isConfigError(error) && failure.code !== this.#lastFailure?.code);
    this.#failures += 1;
    this.#state = "down";
    this.#lastFailure = failure;
    if (!isNews) logger.debug({ error: failure, failures: this.#failures }, "RabbitMQ is still not usable");
    else if (isConfigError(error)) logger.error({ error: failure }, "RabbitMQ lacks what is needed; looking again");
    else logger.warn({ error: failure }, "RabbitMQ cannot be reached; trying again");
    onDown();
  }

  #backOff(signal: AbortSignal): Promise<void> {
    const { clock, reconnectBaseMs, reconnectMaxMs } = this.#options;
    return new Promise((resolve) => {
      const delayMs = fullJitterBackoffMs(this.#failures, reconnectBaseMs, reconnectMaxMs);
      const cancelTimer = clock.schedule(delayMs, done);
      function done(): void {
        cancelTimer();
        signal.removeEventListener("abort", done);
        resolve();
      }
      if (signal.aborted) done();
      else signal.addEventListener("abort", done, { once: true });
    });
  }
}

interface FirstAttempt {
  resolve(): void;
  reject(error: unknown): void;
}

function isConfigError(error: unknown): boolean {
  return isOmniBoxError(error) && error.code.startsWith("CONFIG.");
}

function assertUsable(connection: AmqpConnectionLike): void {
  // Types do not protect plain JavaScript, and a connection with amqplib's own recovery lacks `connection`.
  const isUsable =
    typeof connection === "object" &&
    connection !== null &&
    typeof connection.createConfirmChannel === "function" &&
    typeof connection.connection === "object" &&
    connection.connection !== null;
  if (isUsable) return;
  throw new OmniBoxError(
    "CONFIG.INVALID_OPTIONS",
    "connect must resolve to a connection of amqplib's promise API, made without its recovery option: recovery is done here",
  );
}
