import type { OutboxRepositoryFeature } from "@omni-box/conformance";
import type { OutboxEventRepository } from "@omni-box/core";
import type { MemoryOutboxRepository, MemoryTransaction } from "@omni-box/core/testing";

/** A repository with one fault, and the case that has to notice it. */
export interface OutboxMutant {
  readonly fault: string;
  readonly killedBy: string;
  /** What it declares; default: all. */
  readonly features?: readonly OutboxRepositoryFeature[];
  readonly wrap: (repository: MemoryOutboxRepository) => OutboxEventRepository<MemoryTransaction>;
}
