import { defaults } from "../defaults.js";
import { describeFailure } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { BucketOperations, BucketPosition, PeekedRow } from "../protocols/bucket-operations.js";
import type { EventRepository } from "../protocols/event-repository.js";
import type { BucketFence } from "../protocols/fence.js";
import type { Logger } from "../protocols/logger.js";
import type { Glimpse, LateCommits } from "./late-commits.js";

/** What came of looking for an event to start alone. */
export type LoneStart<E extends BaseEvent> =
  /** Its start is counted, and it may be worked on. */
  | { readonly kind: "started"; readonly event: E }
  /** It has killed its process too often, and has been failed. Its key waits for it. */
  | { readonly kind: "failed"; readonly row: PeekedRow }
  /** Its backoff is not over, or its key waits for an earlier one. */
  | { readonly kind: "waiting"; readonly row: PeekedRow }
  /** It went away, or its bucket was lost, while it was looked at; or an earlier one of its key may have been overlooked. */
  | { readonly kind: "gone" }
  /** No event is left. */
  | { readonly kind: "nothing" };

/** What lone starts work with. */
export interface LoneStartParts<E extends BaseEvent> {
  readonly repository: Pick<EventRepository<E>, "recordFailed">;
  readonly operations: Pick<BucketOperations<E>, "peek" | "read" | "recordStarted">;
  readonly logger: Logger;
  /** The starts that this very process has counted: it did not die of them, and counts none twice. */
  readonly counted: Map<bigint, number>;
  /** Whether what was read can be used; see {@link LateCommits}. */
  readonly isUsable: (glimpse: Glimpse) => boolean;
}

/** From where to look, and what to leave out. */
export interface LoneStartRequest {
  readonly position: BucketPosition;
  readonly fence: BucketFence;
  readonly exceptSeqs: readonly bigint[];
  readonly exceptKeys: readonly string[];
  /** Whether an event has to wait for an earlier one of its key. */
  readonly holdsBack: (partitionKey: string, seq: bigint) => boolean;
}

/**
 * Starts the next event of a bucket whose owners died again and again: one of its events may kill the process that works on it.
 *
 * Its content may be what kills, so the start is counted, and the count committed, before the content is read.
 */
export async function startAlone<E extends BaseEvent>(
  { repository, operations, logger, counted, isUsable }: LoneStartParts<E>,
  { position, fence, exceptSeqs, exceptKeys, holdsBack }: LoneStartRequest,
): Promise<LoneStart<E>> {
  const request = { from: [{ ...position, limit: 1 }], limit: 1, exceptSeqs, exceptKeys };
  const {
    rows: [row],
    writers,
  } = await operations.peek(request);
  if (!isUsable({ writers, seqs: row === undefined ? [] : [row.seq] })) return { kind: "gone" };
  if (row === undefined) return { kind: "nothing" };
  if (!row.isDue || holdsBack(row.partitionKey, row.seq)) return { kind: "waiting", row };
  const { id, seq, startedAttempts, attemptsMade } = row;
  const start = counted.get(seq) ?? startedAttempts + 1;
  if (start > defaults.loneStartsMax) {
    const crashed = crashedError(row);
    const failed = { id, seq, attemptsMade: attemptsMade + 1, error: describeFailure(crashed).message };
    const { missing } = await repository.recordFailed(fence, [failed]);
    if (missing.length > 0) return { kind: "gone" };
    logger.error({ eventId: id, code: crashed.code }, `an event has failed for good: ${crashed.message}`);
    return { kind: "failed", row };
  }
  counted.set(seq, start);
  const { missing } = await operations.recordStarted(fence, { id, seq }, start);
  if (missing.length > 0) return { kind: "gone" };
  const { rows } = await operations.read({ ...request, from: [{ ...position, afterSeq: seq - 1n, limit: 1 }] });
  // Someone may have dealt with it meanwhile, and then the next one was read, whose start is not counted.
  const read = rows.find(({ event }) => event.seq === seq);
  return read === undefined ? { kind: "gone" } : { kind: "started", event: read.event };
}

function crashedError({ id, startedAttempts }: PeekedRow): OmniBoxError {
  return new OmniBoxError(
    "OUTBOX.CRASHED",
    `event ${id} was started ${startedAttempts} times alone, and each time its process died: find out what its converter, the steps ` +
      "or the publisher do with it (memory, native code, process.exit). Then set it back (status pending, attemptsMade 0, " +
      "nextAttemptAt null) or delete it, and what waits behind it goes on; the statements are in docs/failure-modes.md, Failed events",
    { meta: { id, startedAttempts } },
  );
}
