import { randomUUID } from "node:crypto";
import type { OutgoingMessage } from "@omni-box/core";

/** A sound message for a topic; `fields` replaces what a case cares about. */
export function sampleMessage(topic: string, fields: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    id: randomUUID(),
    topic,
    type: "order.placed",
    partitionKey: "order-1",
    contentType: "application/json",
    body: Buffer.from(JSON.stringify({ customer: "Ada" })),
    headers: {},
    correlationId: null,
    timestamp: new Date(),
    ...fields,
  };
}

/** `count` sound messages for a topic, over ten partition keys in turn. */
export function sampleMessages(topic: string, count: number): OutgoingMessage[] {
  return Array.from({ length: count }, (_, index) => sampleMessage(topic, { partitionKey: `order-${index % 10}` }));
}
