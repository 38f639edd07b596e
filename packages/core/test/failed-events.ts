import { randomUUID } from "node:crypto";
import type { OutboxEvent } from "../src/events/outbox-event.js";
import type { OutboxEventDraft } from "../src/events/outbox-event-draft.js";
import type { MemoryOutboxRepository } from "../src/testing/memory-outbox-repository.js";
import { storeEvents } from "./sample-events.js";

/** Stores events and lets them fail with this error; returns them as they are then. */
export async function storeFailedEvents(
  repository: MemoryOutboxRepository,
  drafts: readonly OutboxEventDraft[],
  error = "BROKER.UNROUTABLE: no queue wants it",
): Promise<readonly OutboxEvent[]> {
  const events = await storeEvents(repository, drafts);
  for (const event of events) await failAgain(repository, event, error);
  const ids = new Set(events.map(({ id }) => id));
  return repository.all().filter(({ id }) => ids.has(id));
}

/** Lets a pending event fail. */
export async function failAgain(
  repository: MemoryOutboxRepository,
  { id, seq }: Pick<OutboxEvent, "id" | "seq">,
  error: string,
): Promise<void> {
  const token = randomUUID();
  await repository.lock(id, { token, workerId: "w", leaseMs: 1_000 });
  await repository.recordFailed({ kind: "lease", token }, [{ id, seq, attemptsMade: 3, error }]);
}
