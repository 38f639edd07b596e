import type { EventAdministration, OutboxEvent } from "@omni-box/core";
import type { MemoryOutboxRepository } from "@omni-box/core/testing";

export type MemoryAdministration = EventAdministration<OutboxEvent>;

/** A store with one fault in its administration, or in what its outcomes tell that, and the case that has to notice it. */
export interface AdministrationMutant {
  readonly fault: string;
  /** Behind `outbox.administration.`. */
  readonly killedBy: string;
  readonly wrap: (repository: MemoryOutboxRepository) => MemoryOutboxRepository;
}

/** A fault in what the administration does. */
export function inAdministration(
  change: (administration: MemoryAdministration, repository: MemoryOutboxRepository) => Partial<MemoryAdministration>,
): AdministrationMutant["wrap"] {
  return (repository) => {
    const { administration } = repository;
    return { ...repository, administration: { ...administration, ...change(administration, repository) } };
  };
}
