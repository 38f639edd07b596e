import type { ConsumedMessage } from "../protocols/event-consumer.js";

/**
 * The fields of an event as a message carries them. They need not be checked: the inbox refuses a message whose fields are
 * missing or over `limits`, and a payload that is no plain JSON object.
 */
export interface EnvelopeData {
  /** What repeated deliveries are recognised by. */
  readonly messageId: string;
  readonly type: string;
  readonly schemaVersion: string;
  readonly topic: string;
  readonly partitionKey: string;
  readonly payload: unknown;
  /**
   * Where the event stands among those of its sender, for `olderEvents`; 0 to 2^63 - 1, else it is dropped. `null`, or left
   * out: the message does not tell.
   */
  readonly senderSeq?: bigint | null | undefined;
  /** The sender's own headers, without those that omni-box or the format use. Those that cannot be stored are dropped. */
  readonly headers: Readonly<Record<string, string>>;
  /** Ids of more than 64 characters are dropped, here and in the next two: no message is refused for them. */
  readonly traceId: string | null;
  readonly correlationId: string | null;
  readonly causationId: string | null;
}

/** Reads the event out of a message of one wire format. */
export interface EnvelopeParser {
  /** Its name in logs and error messages. */
  readonly name: string;
  /**
   * @throws {OmniBoxError} MESSAGE.UNDECODABLE that says what is wrong, without showing the content; see `undecodable`. The
   *   words of any other error are not shown.
   */
  parse(message: ConsumedMessage): EnvelopeData;
}
