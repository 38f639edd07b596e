import type { Clock } from "@omni-box/core";
import type { AmqpConnectionLike } from "./amqp-connection-like.js";
import { type AmqpInternals, amqpInternals } from "./amqp-internals.js";
import { asError } from "./as-error.js";
import { withinTime } from "./within-time.js";
import { writeTogether } from "./write-together.js";

/** What a session reports. */
export interface SessionEvents {
  /** Called once, in the turn in which the connection was found to be gone, whoever ended it. */
  onEnded(session: ConnectionSession, reason: Error): void;
  /** The broker's flow control paused or resumed the connection. */
  onBlockedChange(session: ConnectionSession): void;
}

/**
 * The life of one connection, from `connect` to its end.
 *
 * It ends once and for all, by our own bookkeeping: a destroyed socket is not always noticed by amqplib, and nothing
 * of an old connection may touch the next one.
 */
export class ConnectionSession {
  readonly ended: Promise<Error>;
  readonly internals: AmqpInternals;
  readonly #connection: AmqpConnectionLike;
  readonly #clock: Clock;
  readonly #closeTimeoutMs: number;
  readonly #events: SessionEvents;
  readonly #closed: Promise<void>;
  #resolveEnded!: (reason: Error) => void;
  #endReason: Error | null = null;
  #blockedReason: string | null;

  constructor(connection: AmqpConnectionLike, clock: Clock, closeTimeoutMs: number, events: SessionEvents) {
    this.#connection = connection;
    this.#clock = clock;
    this.#closeTimeoutMs = closeTimeoutMs;
    this.#events = events;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    // An emitter without an `error` listener would end the process.
    connection.on("error", (error) => this.#onError(asError(error, "The connection failed")));
    this.#closed = new Promise((resolve) => {
      connection.on("close", (error) => {
        this.#end(asError(error, "Connection closed"));
        resolve();
      });
    });
    connection.on("blocked", (reason) => this.#setBlocked(String(reason)));
    connection.on("unblocked", () => this.#setBlocked(null));
    this.internals = amqpInternals(connection);
    // The event may have come before anyone could listen.
    this.#blockedReason = this.internals.blocked ? "blocked since before the connection was ready" : null;
    // With Nagle's algorithm a lone message of 2 kB takes 44 ms to be confirmed instead of 0.5 ms.
    this.internals.stream?.setNoDelay?.(true);
    writeTogether(connection);
  }

  get connection(): AmqpConnectionLike {
    return this.#connection;
  }

  get isAlive(): boolean {
    return this.#endReason === null;
  }

  /** Why the broker's flow control holds the connection back, in its words; `null` when it does not. */
  get blockedReason(): string | null {
    return this.#blockedReason;
  }

  /** Whether the broker has blocked the connection, and heartbeats would show if it were gone meanwhile. */
  get isKnownToBeBlocked(): boolean {
    return this.isAlive && this.#blockedReason !== null && (this.internals.heartbeatSeconds ?? 0) > 0;
  }

  /** Ends the connection at once, without a word to the broker. */
  destroy(reason: Error): void {
    this.#end(reason);
    this.#destroyStream(reason);
  }

  /** Says good-bye to the broker; a peer that does not answer is given up after the close time-out. Never rejects. */
  async close(reason = new Error("The connection was closed on this side")): Promise<void> {
    this.#end(reason);
    const noAnswer = new Error("The broker did not answer the closing of the connection");
    try {
      // The promise of `close` never settles when the connection breaks meanwhile.
      await withinTime(Promise.race([this.#connection.close(), this.#closed]), {
        clock: this.#clock,
        timeoutMs: this.#closeTimeoutMs,
        timeoutError: () => noAnswer,
      });
    } catch {
      // Closed before, or dead: either way the socket is all that is left.
    }
    this.#destroyStream(noAnswer);
  }

  #onError(error: Error): void {
    this.#end(error);
    // After most errors amqplib closes the socket in the same turn; after some it waits for the broker's answer for ever.
    const cancelTimer = this.#clock.schedule(this.#closeTimeoutMs, () => this.#destroyStream(error));
    void this.#closed.then(cancelTimer);
  }

  #end(reason: Error): void {
    if (this.#endReason !== null) return;
    this.#endReason = reason;
    this.#events.onEnded(this, reason);
    this.#resolveEnded(reason);
  }

  #setBlocked(reason: string | null): void {
    if (!this.isAlive) return;
    this.#blockedReason = reason;
    this.#events.onBlockedChange(this);
  }

  #destroyStream(reason: Error): void {
    const { stream } = this.internals;
    // Without an error amqplib would notice nothing and keep its heartbeat timers.
    if (stream !== undefined) stream.destroy(reason);
    else void this.#connection.close().catch(() => undefined);
  }
}
