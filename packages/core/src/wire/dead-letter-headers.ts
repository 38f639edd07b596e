import { reservedHeaderPrefix } from "../events/headers-field.js";

const prefix = `${reservedHeaderPrefix}dead-letter-`;

/** Names of the headers that a dead letter carries beside those of its event. */
export const deadLetterHeaders = Object.freeze({
  /** Why the event has failed: its `lastError`, at most 512 characters of it. */
  reason: `${prefix}reason`,
  /** The code that the reason begins with; left out when it begins with none. */
  code: `${prefix}code`,
  /** On the store's clock, in ISO 8601. */
  failedAt: `${prefix}failed-at`,
  /** Counted failures of the event. */
  attempts: `${prefix}attempts`,
  /** The topic that the event was published to, or received from. */
  topic: `${prefix}topic`,
  /** The id of the event's row, by which it is found and requeued. */
  eventId: `${prefix}event-id`,
  /** Of an inbox: the message's own id, as its sender gave it. */
  messageId: `${prefix}message-id`,
  /** Of an inbox: the group whose handler has failed. */
  consumerGroup: `${prefix}consumer-group`,
  /** Of an inbox: the queue, stream or subscription that the message came from. */
  source: `${prefix}source`,
});
