import { randomUUID } from "node:crypto";
import type { RawMessage } from "./consumer-harness.js";

/** A sound message as a sender writes it; `fields` replaces what a case cares about. */
export function rawMessage(fields: Partial<RawMessage> = {}): RawMessage {
  return {
    messageId: randomUUID(),
    topic: "orders",
    type: "order.placed",
    contentType: "application/json",
    contentEncoding: null,
    correlationId: null,
    headers: {},
    timestamp: null,
    body: Buffer.from(JSON.stringify({ customer: "Ada" })),
    ...fields,
  };
}

/** `count` sound messages. */
export function rawMessages(count: number): RawMessage[] {
  return Array.from({ length: count }, (_, index) => rawMessage({ body: Buffer.from(JSON.stringify({ index })) }));
}

/** The ids of messages, in their order. */
export function messageIdsOf(messages: readonly { readonly messageId: string | null }[]): (string | null)[] {
  return messages.map(({ messageId }) => messageId);
}
