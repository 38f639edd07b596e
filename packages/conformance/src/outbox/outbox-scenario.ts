import type { AddedEvent, OutboxEvent, OutboxEventDraft, OutboxEventRepository } from "@omni-box/core";
import { type EventScenario, openEvents } from "../repository/event-scenario.js";
import type {
  HarnessRepositoryOptions,
  OutboxRepositoryFeature,
  OutboxRepositoryHarness,
} from "./outbox-repository-harness.js";

/** The steps that cases are written in, over one repository of the harness. */
export interface OutboxScenario extends EventScenario<OutboxEvent> {
  readonly repository: OutboxEventRepository<unknown>;
  /** Adds the events in a transaction of their own and commits it. */
  add(drafts: readonly OutboxEventDraft[]): Promise<readonly AddedEvent[]>;
}

/** Opens another worker's view of the harness's store. */
export function openOutbox(
  harness: OutboxRepositoryHarness<unknown>,
  features: readonly OutboxRepositoryFeature[],
  options: HarnessRepositoryOptions = { onPublished: "delete" },
): OutboxScenario {
  const repository = harness.createRepository(options);
  return {
    ...openEvents(repository, features),
    repository,
    add: (drafts) => harness.transaction((tx) => repository.add(tx, drafts)),
  };
}
