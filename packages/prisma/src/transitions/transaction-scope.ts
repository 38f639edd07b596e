import { OmniBoxError } from "@omni-box/core";
import type { PrismaTransactionLike } from "../prisma-client-like.js";

/** One interactive transaction with its nested ones, as far as watched operations are concerned. */
export interface TransactionScope {
  /** The client of the innermost transaction that is open. */
  readonly client: PrismaTransactionLike;
  /**
   * Runs the work of a transaction, or of one nested in it, and waits for operations that the work has not waited for.
   *
   * @throws what made an operation impossible to tell of, also when the work has caught it: it must not be committed.
   */
  within<Result>(client: PrismaTransactionLike, work: () => Result | Promise<Result>): Promise<Result>;
  /** Runs an operation after those that were begun before, since the locks of rows do not keep a transaction from itself. */
  inTurn<Result>(operation: () => Promise<Result>): Promise<Result>;
  /** Waits for what tells of a change that was made. If it fails, the transaction that is open now cannot be committed. */
  mustSucceed<Result>(telling: Promise<Result>): Promise<Result>;
}

interface Level {
  readonly client: PrismaTransactionLike;
  failure: { readonly error: unknown } | undefined;
}

export function createTransactionScope(): TransactionScope {
  const levels: Level[] = [];
  let lastTurn: Promise<unknown> = Promise.resolve();
  const innermost = (): Level => {
    const level = levels.at(-1);
    if (level !== undefined) return level;
    throw new OmniBoxError(
      "CONFIG.TRANSACTION_REQUIRED",
      "an operation that may change a state that is told of was run after its transaction had ended: wait for it in the transaction",
    );
  };

  return {
    get client() {
      return innermost().client;
    },
    async within(client, work) {
      const level: Level = { client, failure: undefined };
      levels.push(level);
      try {
        const result = await work();
        await lastTurn;
        if (level.failure !== undefined) throw level.failure.error;
        return result;
      } finally {
        levels.splice(levels.indexOf(level), 1);
      }
    },
    inTurn(operation) {
      const turn = lastTurn.then(operation);
      lastTurn = turn.catch(() => undefined);
      return turn;
    },
    async mustSucceed(telling) {
      const level = innermost();
      try {
        return await telling;
      } catch (error) {
        level.failure ??= { error };
        throw error;
      }
    },
  };
}
