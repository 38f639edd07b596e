import type { BaseEvent, InboxEvent } from "@omni-box/core";
import type { Attributes } from "@opentelemetry/api";

/**
 * Names of the attributes of spans and metrics. Those beginning with `messaging.` and `error.` are of the OpenTelemetry semantic
 * conventions 1.45.0, in which those for messaging are not stable yet; written out, since their package has them among the experimental ones.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
 */
export const attributeNames = Object.freeze({
  system: "messaging.system",
  operationName: "messaging.operation.name",
  operationType: "messaging.operation.type",
  destination: "messaging.destination.name",
  subscription: "messaging.destination.subscription.name",
  messageId: "messaging.message.id",
  conversationId: "messaging.message.conversation_id",
  consumerGroup: "messaging.consumer.group.name",
  routingKey: "messaging.rabbitmq.destination.routing_key",
  errorType: "error.type",
  eventType: "omni_box.event.type",
  attempt: "omni_box.event.attempt",
  outcome: "omni_box.outcome",
});

/** Whether an event was received; the others are to be published. */
export function isInboxEvent(event: BaseEvent): event is InboxEvent {
  return "messageId" in event;
}

/** What a span says of its event from the beginning, so that samplers see it. Nothing of the payload, the headers or the key. */
export function messagingAttributes(event: BaseEvent, system: string): Attributes {
  const isReceived = isInboxEvent(event);
  const attributes: Attributes = {
    [attributeNames.system]: system,
    [attributeNames.operationName]: isReceived ? "process" : "publish",
    [attributeNames.operationType]: isReceived ? "process" : "send",
    [attributeNames.destination]: event.topic,
    [attributeNames.messageId]: isReceived ? event.messageId : event.id,
    [attributeNames.eventType]: event.type,
    [attributeNames.attempt]: event.attemptsMade + 1,
  };
  if (system === "rabbitmq") attributes[attributeNames.routingKey] = event.topic;
  if (event.correlationId !== null) attributes[attributeNames.conversationId] = event.correlationId;
  if (isReceived) {
    attributes[attributeNames.consumerGroup] = event.consumerGroup;
    attributes[attributeNames.subscription] = event.source;
  }
  return attributes;
}
