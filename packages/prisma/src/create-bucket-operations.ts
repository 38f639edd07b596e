import type {
  AcquiredBucket,
  AcquireRequest,
  BaseEvent,
  BucketFence,
  BucketOperations,
  BucketReading,
  BucketReadRequest,
  BucketRow,
  BucketSurvey,
  EndedSchedule,
  EventRef,
  PeekedRow,
} from "@omni-box/core";
import type {
  AcquiredBucketRow,
  BucketDialect,
  FailedHeadRow,
  HeadStateRow,
  PassedOverRow,
  PeekedEventRow,
  RenewedBucketRow,
  SurveyRow,
  WritersRow,
} from "./bucket-dialect.js";
import type { EventOperations } from "./create-event-operations.js";
import type { Statements } from "./create-statements.js";
import type { StoredRow } from "./event-dialect.js";
import type { Statement } from "./statement.js";

/** What the operations run on. */
export interface BucketOperationsOptions<E extends BaseEvent> extends Pick<EventOperations<E>, "query" | "record"> {
  readonly dialect: BucketDialect;
  /** For the ownership of buckets: outcomes that are not answered must not keep it from being renewed. */
  readonly ownership: Statements;
  readonly readEvent: (row: StoredRow) => E;
}

/** What rows of events say, and the one behind them. */
function readingOf<Row extends WritersRow, Result>(
  rows: readonly Row[],
  resultOf: (row: Row) => Result,
): BucketReading<Result> {
  const writers = rows.at(-1)?.writers;
  if (!Array.isArray(writers))
    throw new TypeError("a read of buckets ends with a row that names the open transactions");
  return {
    rows: rows.slice(0, -1).map(resultOf),
    writers: writers.map((writer: string) => ({ id: writer.slice(1), isHidden: writer.startsWith("-") })),
  };
}

/** Makes the methods of {@link BucketOperations} out of a dialect's statements. */
export function createBucketOperations<E extends BaseEvent>(options: BucketOperationsOptions<E>): BucketOperations<E> {
  const { dialect, query, record, ownership, readEvent } = options;

  /** Buckets that are acquired after the caller has given up are given back; nothing has been done in them. */
  async function giveBack(owner: string, late: readonly AcquiredBucketRow[]): Promise<void> {
    if (late.length === 0) return;
    const epochs = new Map(late.map(({ bucket, epoch }) => [bucket, epoch]));
    await ownership.query("give late buckets back", dialect.release({ kind: "buckets", owner, epochs }), {
      evenIfFull: true,
    });
  }

  /**
   * Sends the statements that change held buckets one after the other: they pass over locked rows, and must not take those for
   * another's that the one before has locked. One that was not answered in time may still meet a later one, which is then repeated.
   */
  let last: Promise<unknown> = Promise.resolve();
  function inTurn<Result>(call: () => Promise<Result>): Promise<Result> {
    const turn = last.then(call, call);
    last = turn.catch(() => {
      // Whoever called it is told.
    });
    return turn;
  }

  async function changeHeld(purpose: string, fence: BucketFence, statementOf: (fence: BucketFence) => Statement) {
    if (fence.epochs.size === 0) return [];
    const rows = await inTurn(() => ownership.query<PassedOverRow>(purpose, statementOf(fence)));
    return rows.map(({ bucket }) => bucket);
  }

  let areMade = false;
  async function make(): Promise<void> {
    if (!areMade && dialect.toMake !== null)
      await ownership.execute("make the buckets of a group", dialect.toMake.statement);
    areMade = true;
  }

  return Object.freeze<BucketOperations<E>>({
    async renew(fence: BucketFence, leaseMs: number) {
      await make();
      const rows = await inTurn(() =>
        ownership.query<RenewedBucketRow>("renew the leases of buckets", dialect.renew(fence, leaseMs)),
      );
      const bucketsThat = (isRenewed: boolean) =>
        rows.filter((row) => row.is_renewed === isRenewed).map(({ bucket }) => bucket);
      return { held: bucketsThat(true), passedOver: bucketsThat(false) };
    },

    async survey(graceMs: number): Promise<BucketSurvey> {
      const rows = await ownership.query<SurveyRow>("read who owns the buckets", dialect.survey(graceMs));
      const workers = rows.flatMap(({ id, owned }) => (id === null ? [] : [{ id, owned: owned ?? 0 }]));
      const { bucket_count: bucketCount = 0, free = 0 } = rows[0] ?? {};
      // A survey makes none: who only leases events asks for it too, and may have no right to.
      if (bucketCount === 0 && dialect.toMake !== null)
        return { workers, bucketCount: dialect.toMake.bucketCount, free: dialect.toMake.bucketCount };
      return { workers, bucketCount, free };
    },

    async acquire(request: AcquireRequest): Promise<readonly AcquiredBucket[]> {
      await make();
      const rows = await ownership.query<AcquiredBucketRow>("acquire buckets", dialect.acquire(request), {
        onLateAnswer: (late) => giveBack(request.owner, late),
      });
      return rows.map(({ bucket, epoch, unclean_takeovers: uncleanTakeovers }) => ({
        bucket,
        epoch,
        uncleanTakeovers,
      }));
    },

    release: (fence: BucketFence) => changeHeld("release buckets", fence, dialect.release),
    leave: (owner: string) => ownership.execute("leave the registry of workers", dialect.leave(owner)),
    markClean: (fence: BucketFence) => changeHeld("note that buckets are clean", fence, dialect.markClean),

    async read(request: BucketReadRequest): Promise<BucketReading<BucketRow<E>>> {
      const rows = await query<StoredRow & WritersRow>("read the events of buckets", dialect.read(request));
      return readingOf(rows, (row) => ({ event: readEvent(row), isDue: row.is_due === true }));
    },
    async peek(request: BucketReadRequest): Promise<BucketReading<PeekedRow>> {
      const rows = await query<PeekedEventRow>("peek at the events of buckets", dialect.peek(request));
      return readingOf(rows, ({ seq, id, bucket, ...row }) => ({
        seq,
        id,
        bucket,
        partitionKey: row.partition_key,
        attemptsMade: row.attempts_made,
        startedAttempts: row.started_attempts,
        isDue: row.is_due,
      }));
    },
    async headStates(seqs: readonly bigint[]) {
      return seqs.length === 0 ? [] : query<HeadStateRow>("read the state of events", dialect.headStates(seqs));
    },
    async failedHeads(buckets: readonly number[]) {
      if (buckets.length === 0) return [];
      const rows = await query<FailedHeadRow>("read which keys have failed events", dialect.failedHeads(buckets));
      return rows.map(({ bucket, partition_key: partitionKey, seq }) => ({ bucket, partitionKey, seq }));
    },

    async endSchedules(fence: BucketFence, limit: number) {
      if (fence.epochs.size === 0) return [];
      return query<EndedSchedule>("end the schedules of events", dialect.endSchedules(fence, limit));
    },
    recordStarted: (fence: BucketFence, row: EventRef, startedAttempts: number) =>
      record("record the start of an event", [row], () => dialect.recordStarted(fence, row, startedAttempts)),
  });
}
