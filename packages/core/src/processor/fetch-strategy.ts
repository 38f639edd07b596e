import type { BaseEvent } from "../events/outbox-event.js";
import type { Clock } from "../protocols/clock.js";
import type { EventRepository, FetchFilters, RepositoryCapabilities } from "../protocols/event-repository.js";
import type { Fence } from "../protocols/fence.js";
import type { LeaseDeadline } from "./lease-deadline.js";

/** A request for the next batch. */
export interface FetchRequest {
  readonly workerId: string;
  readonly limit: number;
  readonly filters?: FetchFilters | undefined;
  readonly clock: Clock;
}

/** Events that this worker may work on, with the proof that it may. */
export interface ClaimedBatch<E extends BaseEvent> {
  /** In `seq` order. */
  readonly events: readonly E[];
  readonly fence: Fence;
  readonly deadline: LeaseDeadline;
}

/** A way for several workers to divide the events of one table among them. */
export interface FetchStrategy {
  readonly name: string;
  /** How long a claim lasts. */
  readonly leaseMs: number;
  /** What the repository must be able to do. */
  readonly requires: readonly (keyof RepositoryCapabilities)[];
  /** Claims the next due events; an empty batch when there are none. Rejects as the repository does. */
  fetch<E extends BaseEvent>(repository: EventRepository<E>, request: FetchRequest): Promise<ClaimedBatch<E>>;
}
