import type { AddedEvent } from "../protocols/outbox-event-repository.js";

/** Everything that an outbox counts. The unit is events. */
export type OutboxCounter =
  /** Given to the database. Those of a transaction that rolls back afterwards, which `add` does not learn, are among them. */
  | "added"
  /** Left out because they were stored before. */
  | "duplicates"
  /** Not given to the database: outside a transaction, or not acceptable. All of a call, if one is not. */
  | "refused"
  /** Given to the database by a statement that failed. */
  | "failed";

/** The counters of an outbox since it was created. */
export type OutboxMetricsSnapshot = Readonly<Record<OutboxCounter, number>>;

/** Counts what becomes of calls of `add`. */
export interface OutboxCounters {
  snapshot(): OutboxMetricsSnapshot;
  /** Checks a call for `events` events, which are refused when it throws. */
  check<Result>(events: number, call: () => Promise<Result>): Promise<Result>;
  /** Gives `events` events to the database. */
  store(events: number, call: () => Promise<readonly AddedEvent[]>): Promise<readonly AddedEvent[]>;
}

export function createOutboxCounters(): OutboxCounters {
  const totals: Record<OutboxCounter, number> = { added: 0, duplicates: 0, refused: 0, failed: 0 };
  const counting = async <Result>(counter: OutboxCounter, events: number, call: () => Promise<Result>) => {
    try {
      return await call();
    } catch (error) {
      totals[counter] += events;
      throw error;
    }
  };
  return {
    snapshot: () => ({ ...totals }),
    check: (events, call) => counting("refused", events, call),
    async store(events, call) {
      const added = await counting("failed", events, call);
      const duplicates = added.filter(({ duplicate }) => duplicate).length;
      totals.duplicates += duplicates;
      totals.added += added.length - duplicates;
      return added;
    },
  };
}
