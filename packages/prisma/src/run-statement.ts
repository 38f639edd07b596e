import { OmniBoxError } from "@omni-box/core";
import { mapPrismaError } from "./map-prisma-error.js";

/** The limits of {@link createStatementRunner}. */
export interface StatementRunnerOptions {
  readonly timeoutMs: number;
  readonly maxUnanswered: number;
  readonly unansweredForMs: number;
}

/** How one statement is run. */
export interface StatementOptions<Result> {
  /** Gets an answer that came after the time-out. Nobody waits for it, and its failure is ignored. */
  readonly onLateAnswer?: ((answer: Result) => Promise<unknown>) | undefined;
  /** Sends it also while too many are unanswered: for what follows an answer, whose connection is free again. */
  readonly evenIfFull?: boolean | undefined;
}

/** Runs the auto-committed statements of one repository. */
export interface StatementRunner {
  /**
   * Waits for one statement, for at most `timeoutMs`, and maps its error.
   *
   * The statement itself cannot be recalled: after a time-out it may still wait at the server, on a connection of the pool,
   * and be executed later. While `maxUnanswered` such statements are open, no other is sent.
   *
   * @param purpose - completes "could not …" in messages
   * @throws {OmniBoxError} STORE.TIMEOUT when no answer came in time, and the statement may have been executed; or when it
   *   was not sent at all, which the message says.
   */
  run<Result>(purpose: string, call: () => PromiseLike<Result>, options?: StatementOptions<Result>): Promise<Result>;
}

/** Creates the runner of one repository, which remembers the statements that were not answered in time. */
export function createStatementRunner(options: StatementRunnerOptions): StatementRunner {
  const { timeoutMs, maxUnanswered } = options;
  const unanswered = createUnansweredStatements(options);

  return {
    async run<Result>(
      purpose: string,
      call: () => PromiseLike<Result>,
      { onLateAnswer, evenIfFull = false }: StatementOptions<Result> = {},
    ): Promise<Result> {
      if (!evenIfFull && !unanswered.leavesRoom()) throw notSent(purpose, maxUnanswered);
      const answer: Promise<Result> = (async () => await call())();
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<null>((resolve) => {
        timer = setTimeout(resolve, timeoutMs, null);
      });
      const first = await Promise.race([answer.then((result) => ({ result })), timeout])
        .catch((error: unknown) => {
          throw mapPrismaError(error, purpose);
        })
        .finally(() => clearTimeout(timer));
      if (first !== null) return first.result;

      answer
        .finally(unanswered.add())
        .then(onLateAnswer)
        .catch(() => {
          // The caller was told of the time-out and asks no more; a lease that could not be given back runs out by itself.
        });
      throw timedOut(purpose, timeoutMs);
    },
  };
}

interface UnansweredStatements {
  /** Whether another statement may be sent. */
  leavesRoom(): boolean;
  /** Counts one more, until the returned function is called. */
  add(): () => void;
}

/**
 * Counts statements that timed out, so that a lock on the table does not take one connection of the pool after the other.
 *
 * A connection whose other end vanished never answers, so the oldest one is forgotten after a while; but only one each time,
 * because it may as well be a lock that lasts long, and then each takes another connection.
 */
function createUnansweredStatements({ maxUnanswered, unansweredForMs }: StatementRunnerOptions): UnansweredStatements {
  const open = new Set<{ readonly sinceMs: number }>();
  let lastForgottenMs = Number.NEGATIVE_INFINITY;

  return {
    leavesRoom() {
      const [oldest] = open;
      if (oldest === undefined || open.size < maxUnanswered) return true;
      const nowMs = performance.now();
      if (nowMs - Math.max(oldest.sinceMs, lastForgottenMs) < unansweredForMs) return false;
      open.delete(oldest);
      lastForgottenMs = nowMs;
      return open.size < maxUnanswered;
    },
    add() {
      const statement = { sinceMs: performance.now() };
      open.add(statement);
      return () => void open.delete(statement);
    },
  };
}

function timedOut(purpose: string, timeoutMs: number): OmniBoxError {
  return new OmniBoxError(
    "STORE.TIMEOUT",
    `could not ${purpose}: the database did not answer within ${timeoutMs} ms; it may have happened`,
    { meta: { timeoutMs } },
  );
}

function notSent(purpose: string, unanswered: number): OmniBoxError {
  return new OmniBoxError(
    "STORE.TIMEOUT",
    `could not ${purpose}: it was not sent, because ${unanswered} earlier statements are still unanswered; ` +
      "look for a lock on the table or a dead connection",
    { meta: { unanswered } },
  );
}
