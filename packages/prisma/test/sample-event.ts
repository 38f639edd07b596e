import {
  createOutboxEvent,
  type EventRef,
  type OutboxEvent,
  type OutboxEventDraft,
  type OutboxEventInput,
} from "@omni-box/core";

/** A sound event; `fields` replaces what a test cares about. */
export function sampleEvent(fields: Partial<OutboxEventInput> = {}): OutboxEventDraft {
  return createOutboxEvent({
    type: "order.placed",
    schemaVersion: "1.0.0",
    topic: "orders",
    aggregateType: "order",
    aggregateId: "order-1",
    payload: { customer: "Ada" },
    ...fields,
  });
}

/** `count` events, each of an aggregate of its own. */
export function sampleEvents(count: number, fields: Partial<OutboxEventInput> = {}): OutboxEventDraft[] {
  return Array.from({ length: count }, (_, index) => sampleEvent({ aggregateId: `order-${index}`, ...fields }));
}

export function refOf({ id, seq }: OutboxEvent): EventRef {
  return { id, seq };
}
