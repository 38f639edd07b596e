/** A message on its way to a broker, in no broker's terms. */
export interface OutgoingMessage {
  /** The event's id; consumers drop repeated ones. */
  readonly id: string;
  /** The broker's address within the publisher's exchange, stream or the like: the routing key. */
  readonly topic: string;
  readonly type: string;
  /** Messages with the same key must not overtake each other inside the publisher. */
  readonly partitionKey: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly correlationId: string | null;
  /** When the event was stored. */
  readonly timestamp: Date;
}

/** How one message is published. */
export interface PublishOptions {
  /** The longest time from the call to its settlement, waiting in queues included. */
  readonly timeoutMs: number;
  /**
   * How much longer than `timeoutMs` after a permitted write nobody else publishes the message; default 0 ms. Changes nothing
   * about the publishing: a publisher that notices a dead or paused peer by heartbeats can compare them with it.
   */
  readonly takeoverGraceMs?: number;
  /**
   * Asked in the same synchronous turn as each write of this message to the wire, also when the publisher writes it again.
   * `false` (the worker's lease has become too short, or it is stopping) rejects with BROKER.NOT_PERMITTED.
   */
  readonly mayWrite?: () => boolean;
}

/** Whether a publisher could take a message now, for health checks. */
export interface PublisherHealth {
  readonly status: "healthy" | "degraded" | "unhealthy";
  /** What is wrong, in words; empty when healthy. */
  readonly reasons: readonly string[];
  /** Messages written and not yet confirmed. */
  readonly unconfirmed: number;
}

/** What a publisher promises beyond the common contract. */
export interface PublisherCapabilities {
  /** A message that no queue or subscription wants is rejected with BROKER.UNROUTABLE. */
  readonly reportsUnroutable: boolean;
}

/**
 * Hands messages to a broker and waits for its word.
 *
 * `publish` resolves only when the broker has taken responsibility for the message (a confirm). Every call settles, within
 * `timeoutMs` and a small allowance. Safe to call concurrently; messages of one partition key are written in the order of
 * the calls. Not idempotent: after a rejection marked "may have arrived" the message may be at the broker.
 *
 * @throws {OmniBoxError} BROKER.UNREACHABLE when there is no connection; not sent.
 * @throws {OmniBoxError} BROKER.BLOCKED when the broker's flow control held it back until the time-out; not sent.
 * @throws {OmniBoxError} BROKER.CONNECTION_LOST when the connection or channel went before the confirm; may have arrived.
 * @throws {OmniBoxError} BROKER.PUBLISH_TIMEOUT when it was sent and no confirm came in time; may have arrived.
 * @throws {OmniBoxError} BROKER.NOT_PERMITTED when `mayWrite` said no; not sent.
 * @throws {OmniBoxError} BROKER.STOPPED when the publisher is not started, or was stopped; not sent.
 * @throws {OmniBoxError} BROKER.NACKED when the broker refused it; counts as an attempt.
 * @throws {OmniBoxError} BROKER.MESSAGE_REFUSED when the broker closed the channel over this very message, or the client
 *   library could not encode it; counts as an attempt.
 * @throws {OmniBoxError} BROKER.UNROUTABLE when no queue wants it; permanent.
 */
export interface EventPublisher {
  readonly capabilities: PublisherCapabilities;

  /**
   * Checks the configuration against the broker and begins to connect. Idempotent; after `stop()` it begins anew.
   *
   * Resolves also when the broker cannot be reached: an outage is a delay, and the publisher goes on trying.
   *
   * @throws {OmniBoxError} CONFIG.TOPOLOGY_MISMATCH when the broker can be reached and lacks what is needed.
   */
  start(): Promise<void>;

  /** Publishes one message; see the interface for the contract. */
  publish(message: OutgoingMessage, options: PublishOptions): Promise<void>;

  /**
   * Refuses new messages, waits up to `timeoutMs` for outstanding confirms, then closes. Idempotent. What is unconfirmed
   * by then is rejected with BROKER.CONNECTION_LOST.
   */
  stop(options: { readonly timeoutMs: number }): Promise<void>;

  health(): PublisherHealth;
}
