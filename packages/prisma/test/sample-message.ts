import { randomUUID } from "node:crypto";
import { createInboxEventId, type InboxEvent, type InboxEventDraft, type InboxRow } from "@omni-box/core";

/** A sound message; `fields` replaces what a test cares about. */
export function sampleMessage(fields: Partial<InboxEventDraft> = {}): InboxEventDraft {
  return {
    id: createInboxEventId(),
    messageId: randomUUID(),
    consumerGroup: "shipping",
    source: "shipping.orders",
    type: "order.placed",
    schemaVersion: "1.0.0",
    topic: "orders",
    partitionKey: "order-1",
    payload: { customer: "Ada" },
    headers: {},
    traceId: null,
    correlationId: null,
    causationId: null,
    maxAttempts: 10,
    senderSeq: null,
    body: null,
    ...fields,
  };
}

export function sampleMessages(count: number, fields: Partial<InboxEventDraft> = {}): InboxEventDraft[] {
  return Array.from({ length: count }, (_, index) => sampleMessage({ partitionKey: `order-${index}`, ...fields }));
}

/** The same message, received once more. */
export function deliveredAgain(draft: InboxEventDraft): InboxEventDraft {
  return { ...draft, id: createInboxEventId() };
}

export function pendingRow(draft: InboxEventDraft, fields: Partial<InboxRow> = {}): InboxRow {
  return { draft, status: "pending", attemptsMade: 0, startedAttempts: 0, delayMs: null, error: null, ...fields };
}

export function refOfMessage({ id, seq }: InboxEvent) {
  return { id, seq };
}
