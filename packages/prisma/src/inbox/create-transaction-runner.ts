import {
  type EventRef,
  type Fence,
  type InboxEventDraft,
  type InboxTransaction,
  type InboxTransactionOptions,
  type InsertOptions,
  isOmniBoxError,
  type KeySequence,
} from "@omni-box/core";
import { prismaDefaults } from "../defaults.js";
import type { InboxDialect } from "../inbox-dialect.js";
import type {
  PrismaIsolationLevel,
  PrismaTransactionalClientLike,
  PrismaTransactionLike,
} from "../prisma-client-like.js";
import type { Statement } from "../statement.js";
import type { CommitCheck } from "./create-commit-check.js";
import { insertCompleted } from "./insert-messages.js";
import { raiseSequences } from "./raise-sequences.js";
import {
  aborted,
  beginFailure,
  commitFailure,
  handlerFailure,
  handlerTimeout,
  statementFailure,
  unanswered,
} from "./transaction-failures.js";

/** What transactions are run with. */
export interface TransactionRunnerOptions<Tx extends PrismaTransactionLike> {
  readonly client: PrismaTransactionalClientLike<Tx>;
  readonly dialect: InboxDialect;
  readonly commitCheck: CommitCheck;
  readonly lockTimeoutMs: number;
  readonly maxWaitMs: number;
  readonly isolationLevel: PrismaIsolationLevel | undefined;
}

type Work<Tx, Result> = (tx: InboxTransaction<Tx>) => Promise<Result>;

/** Makes `InboxEventRepository.transaction` over interactive transactions of Prisma. */
export function createTransactionRunner<Tx extends PrismaTransactionLike>(options: TransactionRunnerOptions<Tx>) {
  return <Result>(work: Work<Tx, Result>, { timeoutMs, onClosed }: InboxTransactionOptions): Promise<Result> => {
    const attempt = new TransactionAttempt<Tx, Result>(options, work, timeoutMs, onClosed);
    const graceMs = options.maxWaitMs + timeoutMs + prismaDefaults.transactionGraceMs;
    // Whichever comes second is heard by nobody.
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(attempt.abandon()), graceMs);
      attempt.run().then(
        (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  };
}

/** What the caller waits for; it decides what a failure or a silence means. */
type Phase =
  | { readonly name: "beginning" | "statement" | "handler" | "committing" }
  | { readonly name: "rollingBack"; readonly error: unknown };

class TransactionAttempt<Tx extends PrismaTransactionLike, Result> {
  #phase: Phase = { name: "beginning" };
  #isAbandoned = false;
  /** One of the rows that the transaction has inserted: there after the commit, or nothing is. */
  #insertedId: string | null = null;
  #isProven = false;

  constructor(
    private readonly options: TransactionRunnerOptions<Tx>,
    private readonly work: Work<Tx, Result>,
    private readonly timeoutMs: number,
    private readonly onClosed: (() => void) | undefined,
  ) {}

  async run(): Promise<Result> {
    const { client, maxWaitMs, isolationLevel } = this.options;
    const times = { maxWait: maxWaitMs, timeout: this.timeoutMs };
    const limits = isolationLevel === undefined ? times : { ...times, isolationLevel };
    const end = this.options.commitCheck.begin();
    let result: Result;
    try {
      result = await client.$transaction((tx) => this.#runWork(tx), limits);
    } catch (error) {
      if (this.#phase.name === "rollingBack") throw this.#phase.error;
      if (this.#phase.name === "beginning") throw beginFailure(error, maxWaitMs);
      throw commitFailure(error, this.timeoutMs);
    } finally {
      end();
    }
    this.onClosed?.();
    await this.#assertCommitted();
    return result;
  }

  /** Gives up waiting, and says what the caller may assume. */
  abandon(): unknown {
    this.#isAbandoned = true;
    if (this.#phase.name === "rollingBack") return this.#phase.error;
    // Prisma has closed the transaction by now, so that a handler which is still at work cannot commit any more.
    return this.#phase.name === "handler" ? handlerTimeout(this.timeoutMs) : unanswered(this.timeoutMs);
  }

  async #runWork(tx: Tx): Promise<Result> {
    try {
      // A connection that came too late: the caller may be at work on the same messages again.
      if (this.#isAbandoned) throw unanswered(this.timeoutMs);
      this.#phase = { name: "handler" };
      const result = await this.#runHandler(tx);
      // With a row to look for, the proof is whether it is there after the commit: many transactions share that statement.
      if (!this.#isProven && this.#insertedId === null) await this.#prove(tx);
      // The caller was told that it had come to nothing, and may be at work on the same messages again.
      if (this.#isAbandoned) throw unanswered(this.timeoutMs);
      this.#phase = { name: "committing" };
      return result;
    } catch (error) {
      this.#phase = { name: "rollingBack", error };
      throw error;
    }
  }

  async #runHandler(tx: Tx): Promise<Result> {
    try {
      return await this.work(this.#statementsOf(tx));
    } catch (error) {
      throw await handlerFailure(error, this.timeoutMs, () => this.#isAlive(tx));
    }
  }

  #statementsOf(tx: Tx): InboxTransaction<Tx> {
    const { dialect, lockTimeoutMs } = this.options;
    const query = <Row>(purpose: string, statement: Statement) => this.#query<Row>(tx, purpose, statement);
    const execute = (purpose: string, { sql, values }: Statement) =>
      this.#run(purpose, () => tx.$executeRawUnsafe(sql, ...values));
    return Object.freeze<InboxTransaction<Tx>>({
      client: tx,
      insertCompleted: async (drafts: readonly InboxEventDraft[], { behindPending }: InsertOptions) => {
        const messages = await insertCompleted(drafts, { dialect, lockTimeoutMs, behindPending, query, execute });
        for (const message of messages) if (message.kind === "stored") this.#insertedId = message.id;
        return messages;
      },
      raiseSequences: (sequences: readonly KeySequence[]) =>
        raiseSequences(sequences, { dialect, lockTimeoutMs, query }),
      complete: async (fence: Fence, row: EventRef) => {
        const changed = await query("complete an event", dialect.complete(fence, row));
        this.#isProven = changed.length > 0;
        return this.#isProven;
      },
    });
  }

  /** Fails when a statement of the transaction has failed. */
  async #prove(tx: Tx): Promise<void> {
    await this.#query(tx, "end a transaction", this.options.dialect.proof());
  }

  /** PostgreSQL answers COMMIT with a ROLLBACK when a statement has failed, and Prisma calls that a success. */
  async #assertCommitted(): Promise<void> {
    if (this.#isProven || this.#insertedId === null) return;
    if (!(await this.options.commitCheck.isThere(this.#insertedId))) throw aborted();
  }

  #query<Row>(tx: Tx, purpose: string, { sql, values }: Statement): Promise<readonly Row[]> {
    return this.#run(purpose, () => tx.$queryRawUnsafe<readonly Row[]>(sql, ...values));
  }

  async #run<Answer>(purpose: string, send: () => PromiseLike<Answer>): Promise<Answer> {
    const before = this.#phase;
    this.#phase = { name: "statement" };
    try {
      return await send();
    } catch (error) {
      throw statementFailure(error, purpose, this.timeoutMs);
    } finally {
      this.#phase = before;
    }
  }

  async #isAlive(tx: Tx): Promise<boolean> {
    try {
      await this.#prove(tx);
      return true;
    } catch (error) {
      // That the transaction is aborted is an answer of the server; whatever else it is, the transaction is gone.
      return isOmniBoxError(error, "INBOX.TRANSACTION_ABORTED");
    }
  }
}
