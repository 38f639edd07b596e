import type { FetchFilters } from "@omni-box/core";

/** The rows on which nobody holds an unexpired lease. */
export function notLeased(now: Date): object {
  return { OR: [{ leaseUntil: null }, { leaseUntil: { lte: now } }] };
}

/** The rows that a worker may take now. */
export function dueWhere(now: Date, filters: FetchFilters | undefined): object {
  const { topics, types, aggregateTypes, consumerGroup, sources } = filters ?? {};
  const onlyInInbox = consumerGroup !== undefined || sources !== undefined;
  return {
    status: "pending",
    AND: [
      {
        OR: [
          { nextAttemptAt: { lte: now } },
          { nextAttemptAt: null, scheduledAt: { lte: now } },
          { nextAttemptAt: null, scheduledAt: null },
        ],
      },
      notLeased(now),
    ],
    ...(onlyInInbox && { seq: { in: [] } }),
    ...(topics && { topic: { in: [...topics] } }),
    ...(types && { type: { in: [...types] } }),
    ...(aggregateTypes && { aggregateType: { in: [...aggregateTypes] } }),
  };
}
