import { randomUUID } from "node:crypto";
import { validateOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { EventRepository } from "../protocols/event-repository.js";
import { type LeaseOptions, leaseOptions } from "./fetch-options.js";
import type { ClaimedBatch, FetchRequest, FetchStrategy, FetchWorker } from "./fetch-strategy.js";
import { startLeaseDeadline } from "./lease-deadline.js";

/** No more is leased when so much of the first lease is left. */
const leasingEndsAt = 2 / 3;

/**
 * Reads due rows and leases each with a conditional update of its own; rows that another worker got first are left out.
 *
 * Needs nothing special of the database, at the price of one statement per event. For small volumes and for databases
 * without `SKIP LOCKED`.
 */
export function optimistic(options: LeaseOptions = {}): FetchStrategy {
  const { leaseMs } = validateOptions("optimistic", leaseOptions, options);
  return Object.freeze<FetchStrategy>({
    name: "optimistic",
    leaseMs,
    requires: [],
    open: (repository, worker) => ({
      seesAll: true,
      fetch: (request) => fetchOneByOne(repository, request, worker, leaseMs),
      close: async () => undefined,
    }),
  });
}

async function fetchOneByOne<E extends BaseEvent>(
  repository: EventRepository<E>,
  { limit, filters }: FetchRequest,
  { workerId, clock }: FetchWorker,
  leaseMs: number,
): Promise<ClaimedBatch<E>> {
  const token = randomUUID();
  // Counted from before the first lease, which runs out first.
  const deadline = startLeaseDeadline(clock, leaseMs);
  const due = await repository.findDue({ limit, ...(filters && { filters }) });
  const events: E[] = [];
  let hasMore = due.length === limit;
  for (const { id } of due) {
    // The rest of the leases is for the work; slow leases of many would leave none.
    if (events.length > 0 && deadline.remainingMs() < leaseMs * leasingEndsAt) {
      hasMore = true;
      break;
    }
    try {
      const locked = await repository.lock(id, { token, workerId, leaseMs });
      if (locked !== null) events.push(locked);
    } catch (error) {
      // What is leased already would else be hidden until its lease runs out.
      if (events.length === 0) throw error;
      break;
    }
  }
  return { events, hasMore, fence: { kind: "lease", token }, deadline };
}
