import { randomUUID } from "node:crypto";
import { type EventPublisher, eventHeaders, type OutgoingMessage } from "@omni-box/core";
import { OrderPlaced } from "./events.js";

const options = { timeoutMs: 10_000 };

/** Publishes a message that is no JSON, as a program with a bug would. */
export function publishUndecodable(publisher: EventPublisher): Promise<void> {
  return publisher.publish(messageOf("{ orderId: 1, no end", "2.0.0"), options);
}

/** Publishes an order in the schema of last year, as a program that nobody has updated would. */
export function publishOldVersion(publisher: EventPublisher): Promise<void> {
  const order = { orderId: randomUUID(), customer: "an old till", total: 12.5 };
  return publisher.publish(messageOf(JSON.stringify(order), "1.0.0"), options);
}

function messageOf(body: string, schemaVersion: string): OutgoingMessage {
  const id = randomUUID();
  return {
    id,
    topic: OrderPlaced.topic,
    type: OrderPlaced.type,
    partitionKey: id,
    contentType: "application/json",
    body: Buffer.from(body),
    headers: { [eventHeaders.schemaVersion]: schemaVersion },
    correlationId: null,
    timestamp: new Date(),
  };
}
