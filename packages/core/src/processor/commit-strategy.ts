import type { BaseEvent } from "../events/outbox-event.js";
import type { Clock } from "../protocols/clock.js";
import type { EventRef, EventRepository, RepositoryCapabilities } from "../protocols/event-repository.js";
import type { Fence } from "../protocols/fence.js";
import type { Logger } from "../protocols/logger.js";
import type { OutageGate } from "../resilience/outage-gate.js";
import type { DecidedRows } from "./decide-rows.js";

/** What commit strategies know besides the rows. */
export interface CommitContext {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told how each statement went; it logs changes of state, so strategies need not. */
  readonly store: OutageGate;
  /** Aborted when the worker gives up waiting for the store; an outcome that is not known by then stays unrecorded. */
  readonly abandon: AbortSignal;
}

/** What recording a batch's outcomes came to. */
export interface CommitReport {
  /** Rows whose lease was lost: someone else has them, nothing was written. */
  readonly lost: readonly EventRef[];
  /** Rows missing from a repeated statement: its first, unanswered run may have written them, or the lease was lost. */
  readonly uncertain: readonly EventRef[];
  /** Rows for which nothing could be written; they come back when the lease runs out. */
  readonly unrecorded: readonly EventRef[];
}

/** A way to write the outcomes of a batch. */
export interface CommitStrategy {
  readonly name: string;
  /** What the repository must be able to do. */
  readonly requires: readonly (keyof RepositoryCapabilities)[];
  /** Records all rows, each statement until its result is known. Never rejects. */
  commit<E extends BaseEvent>(
    repository: EventRepository<E>,
    fence: Fence,
    rows: DecidedRows,
    context: CommitContext,
  ): Promise<CommitReport>;
}
