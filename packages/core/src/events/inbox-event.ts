import type { BaseEvent } from "./outbox-event.js";

/** One received message, as a stored event of a consumer group. */
export interface InboxEvent extends BaseEvent {
  /** 0 for a message that is being handled before it is stored, as the inline consumer does. */
  readonly seq: bigint;
  /** The inbox's own id of the row (UUIDv7). The producer's event id is `messageId`. */
  readonly id: string;
  /** What repeated deliveries are recognised by, together with the consumer group; at most 255 characters. */
  readonly messageId: string;
  readonly consumerGroup: string;
  /** Where it came from: the queue, stream or subscription. */
  readonly source: string;
  /**
   * Where the event stands among those of its sender: the `seq` of its outbox, or what a parser of your own says. `null`: the
   * message does not tell. Only numbers of one sender can be compared.
   */
  readonly senderSeq: bigint | null;
  /**
   * The bytes as they were received, of a message that could not be decoded, whose `payload` is then empty; else `null`.
   * `lastError` says what was wrong with it.
   */
  readonly body: Uint8Array | null;
}
