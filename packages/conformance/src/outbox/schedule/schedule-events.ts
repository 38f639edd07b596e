import type { AddedEvent, OutboxEventDraft } from "@omni-box/core";
import type { OutboxRepositoryHarness } from "../outbox-repository-harness.js";
import type { OutboxScenario } from "../outbox-scenario.js";
import { sampleEvent } from "../sample-event.js";
import type { OutboxModel } from "./outbox-model.js";

/** An event of the schedule called `name`, which is also its topic, with the numbered idempotency key or none. */
export function draftWith(name: string, key: number | null): OutboxEventDraft {
  return sampleEvent(key === null ? { topic: name } : { topic: name, idempotencyKey: `${name}/${key}` });
}

/** Which of the events are in the model already, or earlier in the list. */
export function duplicatesAmong(drafts: readonly OutboxEventDraft[], model: OutboxModel): boolean[] {
  return drafts.map(
    ({ id }, index) => model.stored(id) !== undefined || drafts.findIndex((draft) => draft.id === id) < index,
  );
}

/** Adds the events in one transaction, which commits or rolls back, and returns what `add` reported. */
export async function addAndMaybeRollBack(
  harness: OutboxRepositoryHarness<unknown>,
  { repository }: OutboxScenario,
  drafts: readonly OutboxEventDraft[],
  rollBack: boolean,
): Promise<readonly AddedEvent[]> {
  let added: readonly AddedEvent[] = [];
  const rolledBack = new Error("rolled back by the schedule");
  const transaction = harness.transaction(async (tx) => {
    added = await repository.add(tx, drafts);
    if (rollBack) throw rolledBack;
  });
  await transaction.catch((error: unknown) => {
    if (error !== rolledBack) throw error;
  });
  return added;
}
