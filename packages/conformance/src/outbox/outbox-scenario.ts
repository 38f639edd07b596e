import { randomUUID } from "node:crypto";
import type {
  AddedEvent,
  EventRef,
  Fence,
  FetchFilters,
  OutboxEvent,
  OutboxEventDraft,
  OutboxEventRepository,
  OutcomeReceipt,
} from "@omni-box/core";
import type {
  HarnessRepositoryOptions,
  OutboxRepositoryFeature,
  OutboxRepositoryHarness,
} from "./outbox-repository-harness.js";

/** How long leases of the cases last: no case runs so long, so only `advanceTime` makes them expire. */
export const caseLeaseMs = 120_000;

/** Events that one worker holds under one token. */
export interface Taken {
  readonly fence: Fence;
  readonly events: readonly OutboxEvent[];
}

/** Which events to take, and for how long. */
export interface TakeOptions {
  /** Default 1,000. */
  readonly limit?: number;
  readonly filters?: FetchFilters;
  readonly leaseMs?: number;
  readonly workerId?: string;
}

/** The steps that cases are written in, over one repository of the harness. */
export interface OutboxScenario {
  readonly repository: OutboxEventRepository<unknown>;
  /** Adds the events in a transaction of their own and commits it. */
  add(drafts: readonly OutboxEventDraft[]): Promise<readonly AddedEvent[]>;
  /** Takes due events by `claim`, or by `findDue` and `lock` where the repository cannot claim. */
  take(options?: TakeOptions): Promise<Taken>;
  /** Reads an event that must exist. */
  read(id: string): Promise<OutboxEvent>;
  /** Calls a `record…` method for all rows at once, or row by row where the repository needs that. */
  record<Row extends EventRef>(
    method: (fence: Fence, rows: readonly Row[]) => Promise<OutcomeReceipt>,
    fence: Fence,
    rows: readonly Row[],
  ): Promise<OutcomeReceipt>;
  complete(taken: Taken): Promise<OutcomeReceipt>;
  /** Releases the events as they are. */
  release(taken: Taken): Promise<OutcomeReceipt>;
  fail(taken: Taken, error: string): Promise<OutcomeReceipt>;
}

/** Opens another worker's view of the harness's store. */
export function openOutbox(
  harness: OutboxRepositoryHarness<unknown>,
  features: readonly OutboxRepositoryFeature[],
  options: HarnessRepositoryOptions = { onPublished: "delete" },
): OutboxScenario {
  const repository = harness.createRepository(options);

  async function take({ limit = 1_000, filters, leaseMs = caseLeaseMs, workerId = "kit" }: TakeOptions = {}) {
    const lease = { token: randomUUID(), workerId, leaseMs };
    const query = filters === undefined ? { limit } : { limit, filters };
    const fence: Fence = { kind: "lease", token: lease.token };
    if (features.includes("leasedClaim")) return { fence, events: await repository.claim({ ...query, ...lease }) };
    const events: OutboxEvent[] = [];
    for (const { id } of await repository.findDue(query)) {
      const locked = await repository.lock(id, lease);
      if (locked !== null) events.push(locked);
    }
    return { fence, events };
  }

  async function record<Row extends EventRef>(
    method: (fence: Fence, rows: readonly Row[]) => Promise<OutcomeReceipt>,
    fence: Fence,
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
    add: (drafts) => harness.transaction((tx) => repository.add(tx, drafts)),
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
        events.map((event) => ({ ...refOf(event), attemptsMade: event.attemptsMade, delayMs: null, error: null })),
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
export function refOf({ id, seq }: OutboxEvent): EventRef {
  return { id, seq };
}
