import { defaults } from "../defaults.js";
import type { FailureDescription } from "../errors/describe-failure.js";
import { waitOrAbort } from "../internal/wait-or-abort.js";
import type { Clock } from "../protocols/clock.js";
import { fullJitterBackoffMs } from "../resilience/backoff.js";
import type { InboxConsumerCounters } from "./inbox-consumer-counters.js";
import type { Delivery } from "./inbox-consumer-delivery.js";
import { createWaitingLine } from "./inbox-consumer-waiting-line.js";
import {
  attemptTransaction,
  type InlineAnswer,
  type InlineJob,
  type InlineTransactionOptions,
  type TransactionAttempt,
  type TransactionAttemptOptions,
} from "./inline-transaction.js";
import type { ReadyHandling } from "./prepare-handling.js";
import type { StoreGate } from "./store-gate.js";

/** Handles messages in a bounded number of transactions. */
export interface InlineExecutor<Tx> {
  /** Resolves when it is known what became of the message. Never rejects. */
  run(delivery: Delivery, handling: ReadyHandling<Tx>): Promise<InlineAnswer>;
  /** For how long the oldest open transaction has been open; 0 when there is none. */
  longestTransactionMs(): number;
}

/** What an executor works with. */
export interface InlineExecutorParts<Tx> extends InlineTransactionOptions<Tx> {
  readonly gate: StoreGate;
  readonly counters: InboxConsumerCounters;
  readonly clock: Clock;
  /** Transactions at once. */
  readonly concurrency: number;
  /** Messages per transaction. */
  readonly batchSize: number;
  /** `true`: a message is acknowledged before it is handled, and never handled twice. */
  readonly acksFirst: boolean;
  /** Aborted when nothing more is to be begun. */
  readonly stopping: AbortSignal;
}

interface Job<Tx> extends InlineJob<Tx> {
  readonly resolve: (answer: InlineAnswer) => void;
  conflicts: number;
  /** Transactions that were lost after its row had been inserted. */
  losses: number;
}

type NotCommitted = Exclude<TransactionAttempt, { readonly kind: "committed" }>;

export function createInlineExecutor<Tx>(parts: InlineExecutorParts<Tx>): InlineExecutor<Tx> {
  const { gate, counters, clock, concurrency, batchSize, acksFirst, stopping } = parts;
  const line = createWaitingLine<Job<Tx>>();
  /** To be done again, each by itself. They take a worker like all others, before those that wait for their first time. */
  const repeats = createWaitingLine<Job<Tx>>();
  const openSince = new Set<{ readonly startedAt: number }>();
  let workers = 0;
  let isWaking = false;

  async function work(): Promise<void> {
    for (let jobs = nextJobs(); jobs.length > 0; jobs = nextJobs()) {
      const given = jobs;
      await untilClosed((closed) => carryOut(given, closed));
    }
    workers -= 1;
  }

  function nextJobs(): readonly Job<Tx>[] {
    return repeats.size > 0 ? repeats.take(1) : line.take(batchSize);
  }

  /** In a turn of its own, so that messages which arrive together share a transaction. */
  function wakeWorkers(): void {
    if (isWaking) return;
    isWaking = true;
    queueMicrotask(() => {
      isWaking = false;
      const batches = repeats.size + Math.ceil(line.size / batchSize);
      for (let wanted = batches; wanted > 0 && workers < concurrency; wanted -= 1) {
        workers += 1;
        void work();
      }
    });
  }

  /** @param closed - called when the transaction is over: the next one need not wait for its confirmation */
  async function carryOut(given: readonly Job<Tx>[], closed: () => void): Promise<void> {
    for (;;) {
      const jobs = stillWanted(given);
      if (jobs.length === 0) return;
      const transaction = (answered: () => void) => transact(jobs, { answered, closed });
      const attempt = await gate.attempt(stopping, transaction, outageOf);
      // `null`: stopping, or some were lost meanwhile, which `stillWanted` deals with.
      if (attempt === null) continue;
      if (attempt.kind === "committed") {
        jobs.forEach(({ resolve, delivery }, index) => {
          const answer = attempt.answers[index] ?? { kind: "withdrawn" };
          if (answer.kind === "committed" && answer.isStale) counters.add("stale", delivery.draft.type);
          resolve(answer);
        });
        return;
      }
      if (attempt.kind === "outage" || attempt.kind === "lost") counters.add("storeErrors");
      if (attempt.kind === "outage" && !acksFirst) continue;
      return doneAgain(jobs, attempt);
    }
  }

  /** Puts back into the line what is to be done again, unless it was often enough; a neighbour's failure counts for none. */
  async function doneAgain(jobs: readonly Job<Tx>[], attempt: NotCommitted): Promise<void> {
    if (attempt.kind === "conflict") counters.add("conflicts");
    const [job, ...others] = jobs;
    if (job === undefined) return;
    if (others.length > 0) counters.add("batchesRepeated");
    else {
      const { times, most } = countedAgainst(job, attempt);
      if (times > most) return job.resolve(answerOf(attempt));
      await waitOrAbort(clock, fullJitterBackoffMs(times, defaults.conflictBaseMs, defaults.conflictMaxMs), stopping);
    }
    for (const wanted of stillWanted(jobs))
      repeats.join(wanted.delivery, wanted, () => wanted.resolve({ kind: "withdrawn" }));
    wakeWorkers();
  }

  /** How often this has happened to the message by now, and how often it may be tried again in hand because of it. */
  function countedAgainst(job: Job<Tx>, { kind }: NotCommitted): { readonly times: number; readonly most: number } {
    if (kind === "conflict") {
      job.conflicts += 1;
      return { times: job.conflicts, most: defaults.conflictMaxRetries };
    }
    if (kind === "lost" && !acksFirst) {
      job.losses += 1;
      return { times: job.losses, most: defaults.lostConnectionsFree };
    }
    return { times: 1, most: 0 };
  }

  async function transact(
    jobs: readonly Job<Tx>[],
    options: TransactionAttemptOptions,
  ): Promise<TransactionAttempt | null> {
    if (jobs.some(({ delivery }) => delivery.isLost)) return null;
    if (acksFirst) for (const { delivery } of jobs) delivery.ack();
    counters.record("batchSize", jobs.length);
    const open = { startedAt: clock.monotonicMs() };
    openSince.add(open);
    try {
      return await attemptTransaction(parts, jobs, options);
    } finally {
      openSince.delete(open);
    }
  }

  function stillWanted(jobs: readonly Job<Tx>[]): readonly Job<Tx>[] {
    return jobs.filter(({ delivery, resolve }) => {
      const isWanted = !delivery.isLost && !stopping.aborted;
      if (!isWanted) resolve({ kind: "withdrawn" });
      return isWanted;
    });
  }

  function withdrawAll(): void {
    line.withdrawAll();
    repeats.withdrawAll();
  }

  stopping.addEventListener("abort", withdrawAll, { once: true });

  return {
    run: (delivery, handling) =>
      new Promise((resolve) => {
        const withdraw = () => resolve({ kind: "withdrawn" });
        if (stopping.aborted) return withdraw();
        line.join(delivery, { delivery, handling, resolve, conflicts: 0, losses: 0 }, withdraw);
        wakeWorkers();
      }),
    longestTransactionMs() {
      const startedAt = [...openSince].map((open) => open.startedAt);
      return startedAt.length === 0 ? 0 : clock.monotonicMs() - Math.min(...startedAt);
    },
  };
}

function outageOf(attempt: TransactionAttempt): FailureDescription | null {
  return attempt.kind === "outage" || attempt.kind === "lost" ? attempt.failure : null;
}

/** Resolves when the work says that its transaction is over, or has ended itself. */
function untilClosed(work: (closed: () => void) => Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    void work(resolve).then(resolve);
  });
}

/** The last word about one message whose transaction was not committed. */
function answerOf(attempt: NotCommitted): InlineAnswer {
  switch (attempt.kind) {
    case "rolledBack":
      return { kind: "outcome", outcome: attempt.outcome };
    case "conflict":
      return { kind: "busy", failure: attempt.failure };
    case "lost":
      return { kind: "lost", failure: attempt.failure };
    case "outage":
      return { kind: "outcome", outcome: { kind: "defer", failure: attempt.failure, delayMs: null } };
  }
}
