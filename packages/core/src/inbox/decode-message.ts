import { limits } from "../defaults.js";
import type { FailureDescription } from "../errors/describe-failure.js";
import { createInboxEventId, type InboxEventDraft } from "../events/inbox-event-draft.js";
import { copyPlainJson, type JsonProblem } from "../events/plain-json.js";
import { storableHeaders } from "../events/storable-headers.js";
import { notText, textProblem } from "../events/text-field.js";
import type { ConsumedMessage } from "../protocols/event-consumer.js";
import type { EnvelopeData, EnvelopeParser } from "../wire/envelope-parser.js";
import { storableSeq } from "../wire/sender-seq.js";
import { undecodable } from "../wire/undecodable.js";
import { describeUndecodable, undecodableDraft, undecodableIdPrefix } from "./undecodable-draft.js";

/** What a message is decoded with. */
export interface DecodeOptions {
  readonly consumerGroup: string;
  readonly parser: EnvelopeParser;
  /** Larger bodies are not even parsed. */
  readonly messageMaxBytes: number;
  readonly maxAttempts: number;
}

/** A message as it can be stored, and why it cannot be handled if that is so. */
export interface DecodedMessage {
  readonly draft: InboxEventDraft;
  /** `null`: it can be handled. Else the draft holds the body as received, and an id of its own (see `decodeMessage`). */
  readonly failure: FailureDescription | null;
}

/**
 * Reads a message into an event that can be stored and handled. Never throws.
 *
 * A message that is too large, that the parser cannot read, whose payload is no plain JSON object or one of whose fields is
 * missing or over `limits` is undecodable: the draft then holds its body, an empty payload, those of its other fields that
 * can be stored, and as message id `undecodable:` and a hash of source, message id and body. So a bad message never makes a
 * good one of the same id look like a duplicate, while its own repetition is recognised. The sender's message id is in the
 * header `omni-message-id`. The failure never shows content.
 *
 * Headers and trace, correlation and causation ids that cannot be stored are dropped; no message is refused for them.
 */
export function decodeMessage(message: ConsumedMessage, options: DecodeOptions): DecodedMessage {
  try {
    const { length } = message.body;
    if (length > options.messageMaxBytes) {
      throw undecodable(`its body must have at most ${options.messageMaxBytes} bytes, it has ${length}`);
    }
    return { draft: draftOf(options.parser.parse(message), message.source, options), failure: null };
  } catch (error) {
    return { draft: undecodableDraft(message, options), failure: describeUndecodable(error, options.parser) };
  }
}

function draftOf(data: EnvelopeData, source: string, { consumerGroup, maxAttempts }: DecodeOptions): InboxEventDraft {
  check("message id", data.messageId, limits.messageIdMaxLength);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (/[\u0000-\u001f\u007f-\u009f]/.test(data.messageId)) throw undecodable("its message id holds control characters");
  if (data.messageId.startsWith(undecodableIdPrefix))
    throw undecodable(`its message id begins with "${undecodableIdPrefix}", which is reserved`);
  check("type", data.type, limits.eventTypeMaxLength, limits.eventTypeMaxBytes);
  check("schema version", data.schemaVersion, limits.schemaVersionMaxLength);
  check("topic", data.topic, limits.topicMaxLength, limits.topicMaxBytes);
  check("partition key", data.partitionKey, limits.partitionKeyMaxLength);
  check("source", source, limits.sourceMaxLength);

  const payload = copyPlainJson("payload", data.payload);
  if (!payload.ok) throw undecodable(payloadReason(payload.problems));

  return {
    id: createInboxEventId(),
    messageId: data.messageId,
    consumerGroup,
    source,
    senderSeq: storableSeq(data.senderSeq),
    type: data.type,
    schemaVersion: data.schemaVersion,
    topic: data.topic,
    partitionKey: data.partitionKey,
    payload: payload.value,
    headers: storableHeaders(data.headers),
    traceId: storableId(data.traceId),
    correlationId: storableId(data.correlationId),
    causationId: storableId(data.causationId),
    maxAttempts,
    body: null,
  };
}

/** Does not say where in the payload: keys can be data. The row holds the body. */
function payloadReason([problem]: readonly JsonProblem[]): string {
  return `${problem?.path === "payload" ? "its payload" : "something in its payload"} ${problem?.message}`;
}

/** Unknown, since parsers without types return anything. */
function check(name: string, value: unknown, maxLength: number, maxBytes?: number): void {
  const problem = typeof value === "string" ? textProblem(value, maxLength, maxBytes) : notText(value);
  if (problem !== null) throw undecodable(`its ${name} ${problem}`);
}

function storableId(value: unknown): string | null {
  return typeof value === "string" && textProblem(value, limits.contextIdMaxLength) === null ? value : null;
}
