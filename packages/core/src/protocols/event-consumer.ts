/** A message as a broker delivered it, in no broker's terms. Everything in it is untrusted. */
export interface ConsumedMessage {
  /** `null` when the sender gave none. */
  readonly messageId: string | null;
  /** The broker's address that it was published to: the routing key. */
  readonly topic: string;
  readonly type: string | null;
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  readonly correlationId: string | null;
  /** Values that are no text arrive as their text where they have one (numbers, booleans, dates), else they are left out. */
  readonly headers: Readonly<Record<string, string>>;
  readonly timestamp: Date | null;
  readonly body: Uint8Array;
  /** The queue, stream or subscription that it came from. */
  readonly source: string;
  /** The broker says that it may have delivered it before. */
  readonly redelivered: boolean;
  /** Earlier deliveries; `null` when the broker does not count them. */
  readonly deliveryCount: number | null;
}

/**
 * The right to say what becomes of one delivered message. The first call decides, later ones do nothing.
 *
 * The methods never throw and do not wait for the broker. Once `lost` is aborted they do nothing: the message will come again.
 */
export interface AckHandle {
  /** Aborted when the channel that the message came on has gone. */
  readonly lost: AbortSignal;
  /** The broker may forget the message. */
  ack(): void;
  /** The broker shall deliver it again, here or elsewhere. */
  requeue(): void;
  /** The broker shall not deliver it again, and puts it where dead letters go. Only with `capabilities.deadLetters`. */
  deadLetter(): void;
}

/** Whether a consumer gets messages, for health checks. */
export interface ConsumerHealth {
  readonly status: "healthy" | "degraded" | "unhealthy";
  /** What is wrong, in words; empty when healthy. */
  readonly reasons: readonly string[];
  /** Messages delivered and not settled. */
  readonly unsettled: number;
}

/** What a consumer promises beyond the common contract. */
export interface ConsumerCapabilities {
  /** `deliveryCount` is a number. */
  readonly countsDeliveries: boolean;
  /** Refused messages are kept by the broker; without it `deadLetter()` would lose them and must not be called. */
  readonly deadLetters: boolean;
}

/** Takes one delivered message. Must not throw; the message is in hand until `handle` is called. */
export type DeliveryListener = (message: ConsumedMessage, handle: AckHandle) => void;

/**
 * Takes messages from a broker and settles them on the word of its listener.
 *
 * At most `prefetch` messages, an option of the adapter, are in hand at once. After a lost channel or connection, a cancelled
 * subscription or a deleted queue it recovers by itself; what was in hand is delivered again.
 */
export interface EventConsumer {
  readonly capabilities: ConsumerCapabilities;
  /** Most messages in hand at once. */
  readonly prefetch: number;

  /**
   * Checks the configuration against the broker and begins to deliver. Idempotent; after `stop()` it begins anew.
   *
   * Resolves also when the broker cannot be reached: an outage is a delay, and the consumer goes on trying.
   *
   * @throws {OmniBoxError} CONFIG.TOPOLOGY_MISMATCH when the broker can be reached and lacks what is needed.
   */
  start(listener: DeliveryListener): Promise<void>;

  /** Ends the subscription; when it resolves no more messages come. Those in hand can still be settled. Idempotent. */
  pause(): Promise<void>;

  /**
   * Ends the subscription, waits up to `timeoutMs` until what is in hand has been settled and the broker has been told, then
   * closes; what is unsettled goes back to the queue. Idempotent.
   */
  stop(options: { readonly timeoutMs: number }): Promise<void>;

  health(): ConsumerHealth;
}

/** A handle that has nothing to settle, for messages that do not come from a broker. */
export const nullAckHandle: AckHandle = Object.freeze({
  lost: new AbortController().signal,
  ack() {},
  requeue() {},
  deadLetter() {},
});
