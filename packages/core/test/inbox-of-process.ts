import type { InboxEvent } from "../src/events/inbox-event.js";
import type { BucketOperations } from "../src/protocols/bucket-operations.js";
import type { InboxTransaction } from "../src/protocols/inbox-event-repository.js";
import type { MemoryInboxRepository } from "../src/testing/memory-inbox-repository.js";
import type { MemoryTransaction } from "../src/testing/memory-transaction.js";

const statements = [
  "verify",
  "claim",
  "extendLease",
  "recordStarted",
  "recordCompleted",
  "recordPending",
  "recordFailed",
  "store",
  "begin",
  "complete",
  "commit",
] as const;

/** What a processor asks about the buckets of its group. */
const bucketStatements = [
  "renew",
  "survey",
  "acquire",
  "release",
  "leave",
  "markClean",
  "read",
  "endSchedules",
  "peek",
  "headStates",
  "failedHeads",
  "recordStarted",
] as const;

/** What a processor asks of an inbox; `begin`, `complete` and `commit` are the statements of a handler's transaction. */
export type InboxStatement = (typeof statements)[number] | (typeof bucketStatements)[number];

/** What is to happen to a statement instead of just being carried out. */
export type InboxFault = (carryOut: () => Promise<unknown>) => Promise<unknown>;

/** An inbox as one process sees it: its statements are written down, can be made to fail, and end with the process. */
export interface InboxOfProcess extends MemoryInboxRepository {
  readonly statements: readonly InboxStatement[];
  readonly calls: readonly { readonly statement: InboxStatement; readonly args: readonly unknown[] }[];
  forgetCalls(): void;
  /** Lets a fault happen to the next run of the statement; faults of one statement are used up in order. */
  onNext(statement: InboxStatement, fault: InboxFault): void;
  failNext(statement: InboxStatement, error: unknown, times?: number): void;
  loseAnswerOfNext(statement: InboxStatement, error: unknown): void;
  /** From now on every statement fails, until it is called with `null`. */
  failAll(error: unknown): void;
  /** Kills the process: nothing that it asks is carried out or answered any more, open transactions never commit. */
  kill(): void;
}

export function inboxOfProcess(inbox: MemoryInboxRepository): InboxOfProcess {
  const calls: { readonly statement: InboxStatement; readonly args: readonly unknown[] }[] = [];
  const faults: { readonly statement: InboxStatement; readonly fault: InboxFault }[] = [];
  let failing: unknown = null;
  let isDead = false;

  async function run<T>(statement: InboxStatement, args: readonly unknown[], carryOut: () => Promise<T>): Promise<T> {
    if (isDead) return new Promise(() => undefined);
    calls.push({ statement, args });
    if (failing !== null) throw failing;
    const index = faults.findIndex((planned) => planned.statement === statement);
    const [planned] = index < 0 ? [] : faults.splice(index, 1);
    const answer = planned === undefined ? await carryOut() : ((await planned.fault(carryOut)) as T);
    return isDead ? new Promise(() => undefined) : answer;
  }

  function wrap(name: Exclude<(typeof statements)[number], "begin" | "complete" | "commit">) {
    const method = inbox[name] as (...args: unknown[]) => Promise<unknown>;
    return (...args: unknown[]) => run(name, args, () => method(...args));
  }

  const methods = Object.fromEntries(
    statements
      .filter((name) => name !== "begin" && name !== "complete" && name !== "commit")
      .map((name) => [name, wrap(name)]),
  ) as unknown as Partial<MemoryInboxRepository>;

  function bucketsOf(consumerGroup: string): BucketOperations<InboxEvent> {
    const buckets = inbox.bucketsOf?.(consumerGroup);
    if (buckets === undefined) throw new Error("the inbox has no buckets");
    const wrapped = bucketStatements.map((name) => {
      const method = buckets[name] as (...args: unknown[]) => Promise<unknown>;
      return [name, (...args: unknown[]) => run(name, args, () => method(...args))];
    });
    return Object.fromEntries(wrapped) as unknown as BucketOperations<InboxEvent>;
  }

  const onNext = (statement: InboxStatement, fault: InboxFault) => void faults.push({ statement, fault });
  return {
    ...inbox,
    ...methods,
    bucketsOf,
    async transaction(work, options) {
      await run("begin", [], async () => undefined);
      let lostAnswer: unknown = null;
      const result = await inbox.transaction(async (tx) => {
        const guarded: InboxTransaction<MemoryTransaction> = {
          ...tx,
          complete: (...args) => run("complete", args, () => tx.complete(...args)),
        };
        const worked = await work(guarded);
        let isCarriedOut = false;
        try {
          await run("commit", [], async () => {
            isCarriedOut = true;
          });
        } catch (error) {
          if (!isCarriedOut) throw error;
          lostAnswer = error;
        }
        return worked;
      }, options);
      if (lostAnswer !== null) throw lostAnswer;
      return result;
    },
    calls,
    get statements() {
      return calls.map(({ statement }) => statement);
    },
    forgetCalls: () => void calls.splice(0),
    onNext,
    failNext(statement, error, times = 1) {
      for (let index = 0; index < times; index += 1) onNext(statement, () => Promise.reject(error));
    },
    loseAnswerOfNext(statement, error) {
      onNext(statement, async (carryOut) => {
        await carryOut();
        throw error;
      });
    },
    failAll(error) {
      failing = error;
    },
    kill() {
      isDead = true;
    },
  };
}
