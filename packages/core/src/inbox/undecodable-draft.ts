import { createHash } from "node:crypto";
import { defaults, limits } from "../defaults.js";
import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { kindOfError } from "../errors/kind-of-error.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import { createInboxEventId, type InboxEventDraft } from "../events/inbox-event-draft.js";
import { storableHeaders } from "../events/storable-headers.js";
import { textProblem } from "../events/text-field.js";
import type { ConsumedMessage } from "../protocols/event-consumer.js";
import type { EnvelopeParser } from "../wire/envelope-parser.js";
import { eventHeaders } from "../wire/message-converter.js";
import { undecodable } from "../wire/undecodable.js";

const unknown = "undecodable";
/** What the message ids of such rows begin with, and no other's may. */
export const undecodableIdPrefix = "undecodable:";

/** Whether a row is one of a message that could not be read, whatever its status was set to since. */
export function isUndecodable({ messageId, body }: Pick<InboxEventDraft, "messageId" | "body">): boolean {
  return body !== null || messageId.startsWith(undecodableIdPrefix);
}

/** The row of a message that cannot be read: what of it can be stored, and its bytes. See `decodeMessage`. */
export function undecodableDraft(
  message: ConsumedMessage,
  { consumerGroup, maxAttempts }: { readonly consumerGroup: string; readonly maxAttempts: number },
): InboxEventDraft {
  const { headers, body } = message;
  // Not one that the sender gave that name.
  const { [eventHeaders.messageId]: _, ...others } = headers;
  const messageId = ownIdOf(message);
  return {
    id: createInboxEventId(),
    messageId,
    consumerGroup,
    source: storable(message.source, limits.sourceMaxLength) ?? unknown,
    senderSeq: null,
    type: storable(message.type, limits.eventTypeMaxLength) ?? unknown,
    schemaVersion:
      storable(headers[eventHeaders.schemaVersion], limits.schemaVersionMaxLength) ?? defaults.foreignSchemaVersion,
    topic: storable(message.topic, limits.topicMaxLength) ?? unknown,
    // Of its own, like the id: it is in nobody's way.
    partitionKey: messageId,
    payload: Object.freeze({}),
    headers: storableHeaders({ [eventHeaders.messageId]: message.messageId, ...others }),
    traceId: storable(headers[eventHeaders.traceId], limits.contextIdMaxLength),
    correlationId: storable(message.correlationId, limits.contextIdMaxLength),
    causationId: storable(headers[eventHeaders.causationId], limits.contextIdMaxLength),
    maxAttempts,
    body,
  };
}

/** What was thrown, without anything that may show content: a parser's other errors may quote what they could not read. */
export function describeUndecodable(error: unknown, parser: EnvelopeParser): FailureDescription {
  if (isOmniBoxError(error, "MESSAGE.UNDECODABLE")) return describeFailure(error);
  return describeFailure(
    undecodable(`the parser "${parser.name}" threw ${kindOfError(error)}; its words may hold data`),
  );
}

function ownIdOf({ source, messageId, body }: ConsumedMessage): string {
  // As JSON, so that no two pairs give the same text; lone surrogates stay apart too.
  const hash = createHash("sha256")
    .update(JSON.stringify([source, messageId]))
    .update(body);
  return `${undecodableIdPrefix}${hash.digest("hex")}`;
}

function storable(value: string | null | undefined, maxLength: number): string | null {
  return typeof value === "string" && textProblem(value, maxLength) === null ? value : null;
}
