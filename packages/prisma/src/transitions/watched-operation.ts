import type { PrismaTransactionLike } from "../prisma-client-like.js";
import type { OperationArgs, WriteOperation } from "./find-touched.js";
import type { RowChange } from "./tell-changes.js";
import type { TransactionScope } from "./transaction-scope.js";
import type { WatchedModel } from "./watched-model.js";
import type { LockedRows, WatchedRows } from "./watched-rows.js";

/** An operation that may change a watched state, in its transaction. */
export interface WatchedOperation {
  readonly model: WatchedModel;
  readonly operation: WriteOperation;
  readonly args: OperationArgs;
  /** Lets Prisma run the operation, with these arguments. */
  readonly query: (args: OperationArgs) => Promise<unknown>;
  readonly scope: TransactionScope;
  /** The transaction's client without extensions. */
  readonly client: PrismaTransactionLike;
  readonly rows: WatchedRows;
  /** Adds the events of the changes. */
  readonly tell: (changes: readonly RowChange[]) => Promise<unknown>;
  /** Confirms the first time that rows of the model were changed that they are those that were locked. */
  readonly confirmOnce: (locked: LockedRows, changed: number) => Promise<void>;
}
