import type { InboxEvent } from "../src/events/inbox-event.js";
import { createInboxEventId, inboxEventOf } from "../src/events/inbox-event-draft.js";

/** A received event of type order.placed, version 1.0.0, that has not been stored yet. */
export function sampleInboxEvent(changes: Partial<InboxEvent> = {}): InboxEvent {
  const draft = {
    id: createInboxEventId(),
    messageId: "message-1",
    consumerGroup: "shipping",
    source: "shipping.orders",
    type: "order.placed",
    schemaVersion: "1.0.0",
    topic: "orders",
    partitionKey: "order-1",
    payload: { orderId: "order-1", total: 12.5 },
    headers: { tenant: "t" },
    traceId: null,
    correlationId: null,
    causationId: null,
    maxAttempts: 10,
    senderSeq: null,
    body: null,
  };
  return { ...inboxEventOf(draft, new Date("2026-01-01T00:00:00Z")), ...changes };
}
