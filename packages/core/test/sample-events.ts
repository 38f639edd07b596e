import { createOutboxEvent, type OutboxEventInput } from "../src/events/create-outbox-event.js";
import type { OutboxEvent } from "../src/events/outbox-event.js";
import type { OutboxEventDraft } from "../src/events/outbox-event-draft.js";
import type { MemoryOutboxRepository } from "../src/testing/memory-outbox-repository.js";

/** An event to be added; events of different `aggregateId` are told apart by it. */
export function sampleDraft(changes: Partial<OutboxEventInput> = {}): OutboxEventDraft {
  return createOutboxEvent({
    type: "order.placed",
    schemaVersion: "1",
    topic: "orders",
    aggregateType: "order",
    aggregateId: "order-1",
    payload: { total: 1 },
    ...changes,
  });
}

/** Drafts of as many orders, `order-1` first. */
export function sampleDrafts(count: number, changes: Partial<OutboxEventInput> = {}): readonly OutboxEventDraft[] {
  return Array.from({ length: count }, (_, index) => sampleDraft({ aggregateId: `order-${index + 1}`, ...changes }));
}

/** Stores the drafts and returns them as events, in `seq` order. */
export async function storeEvents(
  repository: MemoryOutboxRepository,
  drafts: readonly OutboxEventDraft[],
): Promise<readonly OutboxEvent[]> {
  await repository.transaction((tx) => repository.add(tx, drafts));
  const ids = new Set(drafts.map(({ id }) => id));
  return repository.all().filter(({ id }) => ids.has(id));
}
