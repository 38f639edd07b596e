import type { InboxEventRepository, InboxTransaction } from "@omni-box/core";

/** Where a process of the fault tests is killed: behind (or before) each statement that its inbox sends, and each settlement. */
export const killPoints = [
  "before store",
  "after store",
  "after insertCompleted",
  "between commit and look",
  "after the inline commit",
  "after claim",
  "after extendLease",
  "after complete",
  "after recordPending",
  "after recordFailed",
  "after recordStarted",
  "after the ack",
] as const;

/** See {@link killPoints}. */
export type KillPoint = (typeof killPoints)[number];

/** Ends the process at once if this is where it is to be killed. */
export type ReachPoint = (point: KillPoint) => void;

/** Makes the function that the points call. */
export function killAt(wanted: string | undefined): ReachPoint {
  return (point) => {
    if (point === wanted) process.kill(process.pid, "SIGKILL");
  };
}

/** The repository with the points in it; without one that is wanted it is the repository. */
export function withKillPoints<Tx>(repository: InboxEventRepository<Tx>, reach: ReachPoint): InboxEventRepository<Tx> {
  const after =
    <Arguments extends readonly unknown[], Result>(
      point: KillPoint,
      call: (...given: Arguments) => Promise<Result>,
      isReached: (result: Result) => boolean = () => true,
    ) =>
    async (...given: Arguments): Promise<Result> => {
      const result = await call(...given);
      if (isReached(result)) reach(point);
      return result;
    };
  const inTransaction = (tx: InboxTransaction<Tx>): InboxTransaction<Tx> => ({
    ...tx,
    insertCompleted: after("after insertCompleted", tx.insertCompleted),
    complete: after("after complete", tx.complete),
  });

  return {
    ...repository,
    async store(rows) {
      reach("before store");
      const stored = await repository.store(rows);
      reach("after store");
      return stored;
    },
    async transaction(work, options) {
      const onClosed = () => {
        reach("between commit and look");
        options.onClosed?.();
      };
      const result = await repository.transaction((tx) => work(inTransaction(tx)), { ...options, onClosed });
      reach("after the inline commit");
      return result;
    },
    claim: after("after claim", repository.claim, (events) => events.length > 0),
    extendLease: after("after extendLease", repository.extendLease),
    recordPending: after("after recordPending", repository.recordPending),
    recordFailed: after("after recordFailed", repository.recordFailed),
    recordStarted: after("after recordStarted", repository.recordStarted),
  };
}
