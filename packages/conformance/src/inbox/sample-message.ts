import { randomUUID } from "node:crypto";
import { createInboxEventId, type InboxEventDraft, type InboxRow } from "@omni-box/core";

/** A sound message that has been received; `fields` replaces what a case cares about. */
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

/** `count` sound messages, each of a partition key of its own. */
export function sampleMessages(count: number, fields: Partial<InboxEventDraft> = {}): InboxEventDraft[] {
  return Array.from({ length: count }, (_, index) =>
    sampleMessage({ partitionKey: `order-${index}`, payload: { index }, ...fields }),
  );
}

/** The same message as another delivery brings it: with a row id of its own. */
export function anotherDelivery(draft: InboxEventDraft, fields: Partial<InboxEventDraft> = {}): InboxEventDraft {
  return { ...draft, id: createInboxEventId(), ...fields };
}

/** A row that waits for its first attempt, or as `fields` say. */
export function rowOf(draft: InboxEventDraft, fields: Partial<Omit<InboxRow, "draft">> = {}): InboxRow {
  return { draft, status: "pending", attemptsMade: 0, startedAttempts: 0, delayMs: null, error: null, ...fields };
}
