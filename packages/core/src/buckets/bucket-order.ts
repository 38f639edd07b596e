import type { BaseEvent } from "../events/outbox-event.js";
import type { Outcome } from "../pipeline/outcome.js";
import type { CommitReport } from "../processor/commit-strategy.js";
import type { EventResult } from "../processor/decide-rows.js";
import type { BatchOrder } from "../processor/fetch-strategy.js";
import type { HeldEvents } from "./held-events.js";
import type { KeyTurns } from "./key-turns.js";
import type { ParkedKey, ParkedKeys } from "./parked-keys.js";

/** What the order of a batch works with; shared by all batches of a session. */
export interface BucketOrderParts<E extends BaseEvent> {
  readonly held: HeldEvents;
  readonly parked: ParkedKeys;
  readonly turns: KeyTurns;
  /** How long an event is left alone whose outcome could not be recorded. */
  readonly unrecordedDelayMs: number;
  /** Called for each event that is in hand no more, with what was recorded of it; `null`: nothing. */
  readonly letGo: (event: E, recorded: Outcome | null) => void;
  /** Called when a fence did not hold. */
  readonly doubt: () => void;
}

/** Keeps the keys of one batch in order: the first outcome that is no success parks the key, and turns its later events away. */
export function createBucketOrder<E extends BaseEvent>(
  events: readonly E[],
  parts: BucketOrderParts<E>,
): BatchOrder<E> {
  const { held, parked, turns, unrecordedDelayMs, letGo, doubt } = parts;
  /** Entered, and without an outcome. */
  const inTurn = new Set<bigint>();
  let isSettled = false;

  const keyOf = ({ partitionKey, bucket, seq }: E): ParkedKey => ({ partitionKey, bucket, headSeq: seq });

  function release(event: E, recorded: Outcome | null): void {
    held.letGo(event);
    letGo(event, recorded);
  }

  async function whenItsTurn(event: E, turn: Promise<boolean>): Promise<boolean> {
    if (!(await turn)) return false;
    inTurn.add(event.seq);
    return true;
  }

  /** The later events of the key have to wait until this one has been read again. */
  function putBack(event: E, delayMs: number): void {
    const key = keyOf(event);
    parked.park(key, true);
    parked.recorded(key, { hasFailed: false, delayMs });
    turns.turnAway(event.partitionKey);
  }

  function settle(
    { event, outcome }: EventResult<E>,
    lost: ReadonlySet<bigint>,
    unrecorded: ReadonlySet<bigint>,
  ): void {
    const { seq } = event;
    const isRecorded = !unrecorded.has(seq) && !lost.has(seq);
    // What is stored of it is old. A completed one is remembered by the processor, and not worked on again.
    if (unrecorded.has(seq)) putBack(event, unrecordedDelayMs);
    else if (isRecorded && outcome.kind !== "completed") {
      const delayMs = outcome.kind === "failed" ? 0 : (outcome.delayMs ?? 0);
      parked.recorded(keyOf(event), { hasFailed: outcome.kind === "failed", delayMs });
    }
    release(event, isRecorded ? outcome : null);
  }

  return {
    enter(event) {
      if (parked.holdsBack(event.partitionKey, event.seq)) return false;
      const turn = turns.enter(event.partitionKey);
      if (turn !== true) return whenItsTurn(event, turn);
      inTurn.add(event.seq);
      return true;
    },
    leave(event: E, outcome: Outcome) {
      inTurn.delete(event.seq);
      if (outcome.kind === "completed") turns.next(event.partitionKey);
      else {
        const isWritten = outcome.kind === "retry" || outcome.kind === "failed" || event.startedAttempts > 0;
        parked.park(keyOf(event), !isWritten);
        turns.stop(event.partitionKey);
      }
      if (!isSettled) return;
      // The batch had given it up, and its key has waited for this.
      parked.recorded(keyOf(event), { hasFailed: false, delayMs: 0 });
      release(event, null);
    },
    settled(results: readonly EventResult<E>[], report: CommitReport) {
      const lost = new Set(report.lost.map(({ seq }) => seq));
      const unrecorded = new Set(report.unrecorded.map(({ seq }) => seq));
      for (const result of results) settle(result, lost, unrecorded);
      isSettled = true;
      const known = new Set(results.map(({ event }) => event.seq));
      for (const event of events) {
        if (known.has(event.seq)) continue;
        if (inTurn.has(event.seq)) {
          // Still in work: it stays in hand, and its key waits for it.
          parked.park(keyOf(event), false);
          turns.turnAway(event.partitionKey);
        } else {
          // It waited for its turn when the batch was given up, or ended while the others were recorded.
          putBack(event, 0);
          release(event, null);
        }
      }
      if (lost.size > 0) doubt();
    },
  };
}
