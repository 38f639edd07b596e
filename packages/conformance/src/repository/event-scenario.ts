import { randomUUID } from "node:crypto";
import type { BaseEvent, EventRef, EventRepository, FetchFilters, LeaseFence, OutcomeReceipt } from "@omni-box/core";

/** How long leases of the cases last: no case runs so long, so only `advanceTime` makes them expire. */
export const caseLeaseMs = 120_000;

/** Events that one worker holds under one token. */
export interface Taken<E extends BaseEvent = BaseEvent> {
  readonly fence: LeaseFence;
  readonly events: readonly E[];
}

/** Which events to take, and for how long. */
export interface TakeOptions {
  /** Default 1,000. */
  readonly limit?: number;
  readonly filters?: FetchFilters;
  readonly keyHeadsOnly?: boolean;
  readonly leaseMs?: number;
  readonly workerId?: string;
}

/** The steps that cases of outbox and inbox have in common, over one repository of the harness. */
export interface EventScenario<E extends BaseEvent = BaseEvent> {
  readonly repository: EventRepository<E>;
  /** Takes due events by `claim`, or by `findDue` and `lock` where the repository cannot claim. */
  take(options?: TakeOptions): Promise<Taken<E>>;
  /** Reads an event that must exist. */
  read(id: string): Promise<E>;
  /** Calls a `record…` method for all rows at once, or row by row where the repository needs that. */
  record<Row extends EventRef>(
    method: (fence: LeaseFence, rows: readonly Row[]) => Promise<OutcomeReceipt>,
    fence: LeaseFence,
    rows: readonly Row[],
  ): Promise<OutcomeReceipt>;
  complete(taken: Taken): Promise<OutcomeReceipt>;
  /** Releases the events as they are. */
  release(taken: Taken): Promise<OutcomeReceipt>;
  fail(taken: Taken, error: string): Promise<OutcomeReceipt>;
}

/** The common steps over a repository that declares `features`. */
export function openEvents<E extends BaseEvent>(
  repository: EventRepository<E>,
  features: readonly string[],
): EventScenario<E> {
  async function take(options: TakeOptions = {}): Promise<Taken<E>> {
    const { limit = 1_000, leaseMs = caseLeaseMs, workerId = "kit", ...narrowing } = options;
    const lease = { token: randomUUID(), workerId, leaseMs };
    const fence = { kind: "lease", token: lease.token } as const;
    if (features.includes("leasedClaim")) {
      return { fence, events: await repository.claim({ limit, ...narrowing, ...lease }) };
    }
    const events: E[] = [];
    for (const { id } of await repository.findDue({ limit, ...narrowing })) {
      const locked = await repository.lock(id, lease);
      if (locked !== null) events.push(locked);
    }
    return { fence, events };
  }

  async function record<Row extends EventRef>(
    method: (fence: LeaseFence, rows: readonly Row[]) => Promise<OutcomeReceipt>,
    fence: LeaseFence,
    rows: readonly Row[],
  ): Promise<OutcomeReceipt> {
    if (features.includes("bulkOutcomes")) return method.call(repository, fence, rows);
    const missing: EventRef[] = [];
    for (const row of rows) missing.push(...(await method.call(repository, fence, [row])).missing);
    return { missing };
  }

  return {
    repository,
    take,
    record,
    async read(id) {
      const event = await repository.findById(id);
      if (event === null) throw new Error(`event ${id} is not stored`);
      return event;
    },
    complete: ({ fence, events }) => record(repository.recordCompleted, fence, events.map(refOf)),
    release: ({ fence, events }) =>
      record(
        repository.recordPending,
        fence,
        events.map((event) => ({
          ...refOf(event),
          attemptsMade: event.attemptsMade,
          startedAttempts: 0,
          delayMs: null,
          error: null,
        })),
      ),
    fail: ({ fence, events }, error) =>
      record(
        repository.recordFailed,
        fence,
        events.map((event) => ({ ...refOf(event), attemptsMade: event.attemptsMade + 1, error })),
      ),
  };
}

/** The reference to a stored event. */
export function refOf({ id, seq }: EventRef): EventRef {
  return { id, seq };
}

/** References in the order of their seq, to compare sets of rows. */
export function bySeq(refs: readonly EventRef[]): EventRef[] {
  return refs.map(refOf).sort((a, b) => (a.seq < b.seq ? -1 : 1));
}

/** The ids of events, in their order. */
export function idsOf(events: readonly { readonly id: string }[]): string[] {
  return events.map(({ id }) => id);
}
