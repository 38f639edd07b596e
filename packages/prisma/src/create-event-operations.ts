import {
  type BaseEvent,
  type ClaimRequest,
  type DueQuery,
  type EventRef,
  type EventRepository,
  type FailedRow,
  type Fence,
  type LeaseFence,
  type LeaseRequest,
  type OutcomeReceipt,
  type PendingRow,
  sanitizeFailureMessage,
} from "@omni-box/core";
import { createStatements, type Statements } from "./create-statements.js";
import { prismaDefaults } from "./defaults.js";
import type { EventDialect, StoredRow } from "./event-dialect.js";
import { isUuid } from "./is-uuid.js";
import type { PrismaClientLike } from "./prisma-client-like.js";
import type { Statement } from "./statement.js";

/** What the operations run on. */
export interface EventOperationsOptions<E extends BaseEvent> {
  readonly client: PrismaClientLike;
  readonly dialect: EventDialect<E>;
  readonly statementTimeoutMs: number;
}

/** What outbox and inbox repositories have in common. */
export interface EventOperations<E extends BaseEvent> extends Statements {
  readonly methods: Omit<EventRepository<E>, "capabilities" | "verify">;
  /** Runs a statement that changes rows and returns the `seq` of those that are missing in the sense of {@link OutcomeReceipt}. */
  record(purpose: string, rows: readonly EventRef[], statement: () => Statement): Promise<OutcomeReceipt>;
}

/** Makes the methods of {@link EventRepository} out of a dialect's statements. */
export function createEventOperations<E extends BaseEvent>(options: EventOperationsOptions<E>): EventOperations<E> {
  const { client, dialect, statementTimeoutMs } = options;
  const { maxUnanswered, unansweredForMs } = prismaDefaults;
  const statements = createStatements(client, { timeoutMs: statementTimeoutMs, maxUnanswered, unansweredForMs });
  const { query, execute } = statements;

  async function readEvents(purpose: string, statement: Statement): Promise<readonly E[]> {
    return (await query<StoredRow>(purpose, statement)).map(dialect.readEvent);
  }

  /** Takes rows. If the answer comes after the caller has given up, they are given back, else they would be hidden for a lease. */
  async function leaseEvents(purpose: string, token: string, statement: Statement): Promise<readonly E[]> {
    const onLateAnswer = (late: readonly StoredRow[]) => giveBack(token, late.map(dialect.readEvent));
    return (await query<StoredRow>(purpose, statement, { onLateAnswer })).map(dialect.readEvent);
  }

  async function giveBack(token: string, events: readonly E[]): Promise<void> {
    if (events.length === 0) return;
    const rows = events.map(({ id, seq, attemptsMade, startedAttempts }) => {
      return { id, seq, attemptsMade, startedAttempts, delayMs: null, error: null };
    });
    const statement = dialect.recordPending({ kind: "lease", token }, rows);
    await query("give late events back", statement, { evenIfFull: true });
  }

  async function onlyById(id: string, read: () => Promise<readonly E[]>): Promise<E | null> {
    const [event] = isUuid(id) ? await read() : [];
    return event ?? null;
  }

  async function record(
    purpose: string,
    rows: readonly EventRef[],
    statement: () => Statement,
  ): Promise<OutcomeReceipt> {
    if (rows.length === 0) return { missing: [] };
    const missing = await query<{ seq: bigint }>(purpose, statement());
    if (missing.length === 0) return { missing: [] };
    const seqs = new Set(missing.map(({ seq }) => seq));
    return { missing: rows.filter(({ seq }) => seqs.has(seq)).map(({ id, seq }) => ({ id, seq })) };
  }

  return {
    query,
    execute,
    record,
    methods: {
      findById: (id: string) => onlyById(id, () => readEvents("read an event", dialect.findById(id))),
      findDue: (due: DueQuery) => readEvents("read due events", dialect.findDue(due)),
      claim: (request: ClaimRequest) => leaseEvents("claim events", request.token, dialect.claim(request)),
      lock: (id: string, lease: LeaseRequest) =>
        onlyById(id, () => leaseEvents("lock an event", lease.token, dialect.lock(id, lease))),
      forceUnlock: (id: string, reason: string) =>
        onlyById(id, () => readEvents("unlock an event", dialect.forceUnlock(id, sanitizeFailureMessage(reason)))),

      extendLease: (fence: LeaseFence, rows: readonly EventRef[], leaseMs: number) =>
        record("extend leases", rows, () => dialect.extendLease(fence, rows, leaseMs)),
      recordCompleted: (fence: Fence, rows: readonly EventRef[]) =>
        record("record completed events", rows, () => dialect.recordCompleted(fence, rows)),
      recordPending: (fence: Fence, rows: readonly PendingRow[]) =>
        record("record pending events", rows, () => dialect.recordPending(fence, rows)),
      recordFailed: (fence: Fence, rows: readonly FailedRow[]) =>
        record("record failed events", rows, () => dialect.recordFailed(fence, rows)),
    },
  };
}
