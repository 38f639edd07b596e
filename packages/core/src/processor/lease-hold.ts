import { describeFailure } from "../errors/describe-failure.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { Outcome } from "../pipeline/outcome.js";
import type { CancelTimer, Clock } from "../protocols/clock.js";
import type { EventRepository } from "../protocols/event-repository.js";
import type { Logger } from "../protocols/logger.js";
import type { BatchDeadline, ClaimedBatch } from "./fetch-strategy.js";
import { startLeaseDeadline } from "./lease-deadline.js";

/** The leases of a batch while it is worked on: how long they last, and which of them are lost. */
export interface LeaseHold {
  /** Of one event, or of all; zero or less when the lease has run out. A heartbeat raises it. */
  remainingMs(event?: BaseEvent): number;
  /** Aborted when the event's lease is lost or nobody waits for its outcome any more. */
  lost(event: BaseEvent): AbortSignal;
  /** Stops waiting: aborts the signal of every event without an outcome, and lets its lease run out. */
  giveUp(): void;
  /** Stops the heartbeat. */
  end(): void;
}

/** What a hold works with. */
export interface LeaseHoldParts<E extends BaseEvent> {
  readonly batch: ClaimedBatch<E>;
  /** Beside the events of the batch; `undefined` while they are in work. */
  readonly outcomes: readonly (Outcome | undefined)[];
  readonly repository: Pick<EventRepository<E>, "extendLease">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What an extension asks for; `null`: there is no heartbeat. */
  readonly heartbeatLeaseMs: number | null;
}

/**
 * Holds the leases of a batch.
 *
 * The heartbeat extends them every third of the lease, counted from before the request was sent, and tries a failed extension
 * again until the lease runs out. Events whose outcome still has to be recorded are held too; those that recorded it themselves are not.
 */
export function createLeaseHold<E extends BaseEvent>(parts: LeaseHoldParts<E>): LeaseHold {
  const { batch, outcomes, repository, clock, logger, heartbeatLeaseMs } = parts;
  let deadline: BatchDeadline<E> = batch.deadline;
  let cancelBeat: CancelTimer | null = null;
  let hasEnded = false;
  let hasWarned = false;
  /** Made when they are asked for: the relay never asks, and pays nothing. */
  const signals = new Map<bigint, AbortController>();
  const lostSeqs = new Set<bigint>();

  function lose(seq: bigint): void {
    lostSeqs.add(seq);
    signals.get(seq)?.abort();
  }

  function isInWork(index: number): boolean {
    return outcomes[index] === undefined;
  }

  function heldRows(): readonly E[] {
    return batch.events.filter(({ seq }, index) => {
      const outcome = outcomes[index];
      return !lostSeqs.has(seq) && !(outcome?.kind === "completed" && outcome.isRecorded);
    });
  }

  async function extend(leaseMs: number): Promise<void> {
    const rows = heldRows();
    const { fence } = batch;
    if (rows.length === 0 || fence.kind !== "lease") return;
    const extended = startLeaseDeadline(clock, leaseMs);
    const refs = rows.map(({ id, seq }) => ({ id, seq }));
    try {
      const { missing } = await repository.extendLease(fence, refs, leaseMs);
      // An answer that came too late changes nothing: the work has been given up.
      if (hasEnded || deadline.remainingMs() <= 0) return;
      const missingSeqs = new Set(missing.map(({ seq }) => seq));
      batch.events.forEach(({ seq }, index) => {
        // What is missing because its outcome was recorded meanwhile is not lost.
        if (missingSeqs.has(seq) && isInWork(index)) lose(seq);
      });
      deadline = extended;
      beatAfter(deadline.remainingMs() - (leaseMs * 2) / 3, leaseMs);
    } catch (error) {
      if (hasEnded) return;
      if (!hasWarned) {
        const fields = { events: rows.length, ...describeFailure(error) };
        logger.warn(fields, "leases could not be extended; trying on until they run out");
      }
      hasWarned = true;
      beatAfter(leaseMs / 10, leaseMs);
    }
  }

  function beatAfter(delayMs: number, leaseMs: number): void {
    if (hasEnded || deadline.remainingMs() <= 0) return;
    cancelBeat = clock.schedule(Math.max(0, delayMs), () => void extend(leaseMs));
  }

  if (heartbeatLeaseMs !== null && batch.events.length > 0) {
    beatAfter(deadline.remainingMs() - (heartbeatLeaseMs * 2) / 3, heartbeatLeaseMs);
  }
  return {
    remainingMs: (event) => deadline.remainingMs(event as E | undefined),
    lost({ seq }) {
      const existing = signals.get(seq);
      if (existing !== undefined) return existing.signal;
      const controller = new AbortController();
      signals.set(seq, controller);
      if (lostSeqs.has(seq)) controller.abort();
      return controller.signal;
    },
    giveUp() {
      batch.events.forEach(({ seq }, index) => {
        if (isInWork(index)) lose(seq);
      });
    },
    end() {
      hasEnded = true;
      cancelBeat?.();
    },
  };
}
