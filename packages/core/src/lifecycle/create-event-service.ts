import { randomUUID } from "node:crypto";
import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { sanitizeFailureMessage } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { EventRepository, OutcomeReceipt } from "../protocols/event-repository.js";
import type { LeaseFence } from "../protocols/fence.js";

/** An event that the caller holds a lease on. */
export interface LockedEvent<E extends BaseEvent> {
  readonly event: E;
  /** What every later call is checked against. */
  readonly fence: LeaseFence;
}

/** Who locks, and for how long. */
export interface LockRequest {
  /** For people to read; at most 255 characters. */
  readonly workerId: string;
  /** Default 30,000 ms. */
  readonly leaseMs?: number | undefined;
}

/**
 * Works on single events by hand: for tools, tests and workers with a life of their own.
 *
 * A write under a lease that has been lost changes nothing and is refused, with the reason found by reading the event again.
 *
 * @throws {OmniBoxError} STORE.NOT_FOUND when there is no such event, or it was deleted after it had been published.
 * @throws {OmniBoxError} STORE.INVALID_STATE when the event is completed or failed already.
 */
export interface EventService<E extends BaseEvent> {
  /**
   * Takes a lease, due or not.
   *
   * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when the request breaks a limit.
   * @throws {OmniBoxError} STORE.ALREADY_LOCKED when the same worker holds it, STORE.LOCKED_BY_ANOTHER when someone else does.
   */
  lock(id: string, request: LockRequest): Promise<LockedEvent<E>>;
  /**
   * Extends the lease to `leaseMs` from now; default 30,000 ms.
   *
   * @throws {OmniBoxError} STORE.NOT_LOCKED, STORE.LOCKED_BY_ANOTHER or STORE.CONCURRENT_UPDATE when it is held no longer;
   *   so do all the methods below.
   */
  refresh(locked: LockedEvent<E>, leaseMs?: number): Promise<void>;
  /** Gives the lease back; the event is due as before. The rest of a backoff is measured on this machine's clock. */
  unlock(locked: LockedEvent<E>): Promise<void>;
  /** Takes anyone's lease away and keeps the reason in the event's `lastError`. Its holder's writes then change nothing. */
  forceUnlock(id: string, reason: string): Promise<E>;
  /** Marks the event as completed, or deletes it where the repository is configured so. */
  complete(locked: LockedEvent<E>): Promise<void>;
  /** Gives the event up, with the reason in its `lastError`. */
  fail(locked: LockedEvent<E>, reason: string): Promise<void>;
}

/** Options of {@link createEventService}. */
export interface EventServiceOptions {
  /** Tells how much of an event's backoff is left when it is unlocked; default: the machine's clock. */
  readonly clock?: Clock | undefined;
}

const serviceOptions = z.strictObject({
  repository: objectWith<EventRepository<BaseEvent>>("a repository", "findById", "lock", "extendLease"),
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
});

const leaseLength = milliseconds(1).default(defaults.leaseMs);
const lockRequest = z.strictObject({
  workerId: z.string().min(1).max(limits.workerIdMaxLength),
  leaseMs: leaseLength,
});
const refreshRequest = z.strictObject({ leaseMs: leaseLength });

/**
 * Creates the service over a repository.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when `repository` is not one; lists all problems.
 */
export function createEventService<E extends BaseEvent>(
  repository: EventRepository<E>,
  options: EventServiceOptions = {},
): EventService<E> {
  const { clock } = validateOptions("createEventService", serviceOptions, { repository, ...options });

  async function assertWritten({ event, fence }: LockedEvent<E>, written: Promise<OutcomeReceipt>): Promise<void> {
    const { missing } = await written;
    if (missing.length > 0) throw refusal(event.id, await repository.findById(event.id), fence);
  }

  return Object.freeze<EventService<E>>({
    async lock(id, request) {
      const { workerId, leaseMs } = validateOptions("lock", lockRequest, request);
      const token = randomUUID();
      const event = await repository.lock(id, { token, workerId, leaseMs });
      if (event !== null) return { event, fence: { kind: "lease", token } };
      const found = await repository.findById(id);
      if (found?.lease?.workerId === workerId) {
        const until = found.lease.until.toISOString();
        const message = `event ${id} is locked by this worker (${workerId}) already, until ${until}`;
        throw new OmniBoxError("STORE.ALREADY_LOCKED", message, { meta: { id, workerId } });
      }
      throw refusal(id, found, null);
    },
    async refresh(locked, given) {
      const { leaseMs } = validateOptions("refresh", refreshRequest, { leaseMs: given });
      await assertWritten(locked, repository.extendLease(locked.fence, [refOf(locked)], leaseMs));
    },
    unlock: (locked) => {
      const { attemptsMade, startedAttempts, nextAttemptAt } = locked.event;
      // It was locked whether due or not, so its backoff may still be running.
      const delayMs = nextAttemptAt === null ? null : Math.max(0, nextAttemptAt.getTime() - clock.now());
      const row = { ...refOf(locked), attemptsMade, startedAttempts, delayMs, error: null };
      return assertWritten(locked, repository.recordPending(locked.fence, [row]));
    },
    async forceUnlock(id, reason) {
      const event = await repository.forceUnlock(id, sanitizeFailureMessage(`lease removed by force: ${reason}`));
      if (event === null) throw refusal(id, await repository.findById(id), null);
      return event;
    },
    complete: (locked) => assertWritten(locked, repository.recordCompleted(locked.fence, [refOf(locked)])),
    fail: (locked, reason) => {
      const { attemptsMade } = locked.event;
      const row = { ...refOf(locked), attemptsMade, error: sanitizeFailureMessage(reason) };
      return assertWritten(locked, repository.recordFailed(locked.fence, [row]));
    },
  });
}

function refOf({ event: { id, seq } }: LockedEvent<BaseEvent>) {
  return { id, seq };
}

/** Why a conditional write found nothing to write. */
function refusal(id: string, found: BaseEvent | null, fence: LeaseFence | null): OmniBoxError {
  const meta = { missingIds: [id] };
  if (found === null) {
    return new OmniBoxError("STORE.NOT_FOUND", `there is no event ${id}; published events may be deleted at once`, {
      meta,
    });
  }
  if (found.status !== "pending") {
    return new OmniBoxError(
      "STORE.INVALID_STATE",
      `event ${id} is ${found.status}: only pending events can be worked on`,
      { meta },
    );
  }
  if (found.lease === null && fence !== null) {
    return new OmniBoxError("STORE.NOT_LOCKED", `event ${id} is not locked any more: lock it again`, { meta });
  }
  if (found.lease !== null && found.lease.token !== fence?.token) {
    const { workerId, until } = found.lease;
    const message = `event ${id} is locked by ${workerId} until ${until.toISOString()}`;
    return new OmniBoxError("STORE.LOCKED_BY_ANOTHER", message, { meta: { ...meta, workerId } });
  }
  return new OmniBoxError(
    "STORE.CONCURRENT_UPDATE",
    `event ${id} changed while it was being written: read it and try again`,
    { meta },
  );
}
