import { defaults } from "../defaults.js";
import { describeFailure } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { BaseEvent } from "../events/outbox-event.js";
import type { CrashedEvent } from "../processor/fetch-strategy.js";
import type { BucketOperations, BucketRow, PeekedRow } from "../protocols/bucket-operations.js";
import type { EventRepository } from "../protocols/event-repository.js";
import type { BucketFence } from "../protocols/fence.js";
import type { Logger } from "../protocols/logger.js";
import type { BucketReader } from "./bucket-reader.js";

/** What lone starts work with. */
export interface LoneStartParts<E extends BaseEvent> {
  readonly repository: Pick<EventRepository<E>, "recordFailed">;
  readonly operations: Pick<BucketOperations<E>, "recordStarted">;
  readonly reader: Pick<BucketReader<E>, "readOne">;
  readonly logger: Logger;
  /** The starts that this very process has counted: it did not die of them, and counts none twice. */
  readonly counted: Map<bigint, number>;
  /** Called before the event is failed: from then on its key waits for it, whether or not the store's answer comes. */
  readonly beforeFailing: () => void;
  /** Called when it is failed, and that is recorded. */
  readonly onCrashed: (crashed: CrashedEvent) => void;
  /** Whose events they are, in an inbox. */
  readonly consumerGroup: string | undefined;
}

/**
 * Starts an event of a bucket whose owners died again and again: it may be what kills the process that works on it.
 *
 * Its content may be what kills, so the start is counted, and the count committed, before the content is read.
 *
 * @returns the event; `"failed"`: it has killed its process too often, and is not tried again; `"gone"`: somebody else has dealt with it, or has its bucket
 */
export async function startAlone<E extends BaseEvent>(
  { repository, operations, reader, logger, counted, beforeFailing, onCrashed, consumerGroup }: LoneStartParts<E>,
  row: PeekedRow,
  fence: BucketFence,
): Promise<BucketRow<E> | "failed" | "gone"> {
  const { id, seq, startedAttempts, attemptsMade } = row;
  const start = counted.get(seq) ?? startedAttempts + 1;
  if (start > defaults.loneStartsMax) {
    const crashed = crashedError(row, consumerGroup === undefined ? ofOutbox : ofInbox);
    const failure = describeFailure(crashed);
    const failed = { id, seq, attemptsMade: attemptsMade + 1, error: failure.message };
    beforeFailing();
    const { missing } = await repository.recordFailed(fence, [failed]).catch((error: unknown) => {
      const fields = { eventId: id, code: crashed.code };
      logger.error(fields, `it is not known whether an event has failed for good: ${crashed.message}`);
      throw error;
    });
    if (missing.length > 0) return "gone";
    logger.error({ eventId: id, code: crashed.code }, `an event has failed for good: ${crashed.message}`);
    onCrashed({ id, attemptsMade: failed.attemptsMade, failure });
    return "failed";
  }
  counted.set(seq, start);
  const { missing } = await operations.recordStarted(fence, { id, seq }, start);
  if (missing.length > 0) return "gone";
  // If it is gone, another one's start is not counted.
  return (await reader.readOne(row)) ?? "gone";
}

const ofOutbox = { code: "OUTBOX.CRASHED", suspects: "its converter, the steps or the publisher" } as const;
const ofInbox = { code: "INBOX.CRASHED", suspects: "its migrations, the steps or its handler" } as const;

function crashedError(
  { id, startedAttempts }: PeekedRow,
  { code, suspects }: typeof ofOutbox | typeof ofInbox,
): OmniBoxError {
  return new OmniBoxError(
    code,
    `event ${id} was started ${startedAttempts} times alone, and each time its process died: find out what ${suspects} do with it ` +
      "(memory, native code, process.exit). Then requeue, skip or purge it (npx omni-box events, or an EventAdministration; see " +
      "docs/dead-letters.md), and what waits behind it goes on",
    { meta: { id, startedAttempts } },
  );
}
