import { OmniBoxError, type Outbox } from "@omni-box/core";
import type { PrismaTransactionLike } from "../prisma-client-like.js";
import { baseOf, depthOf, type ExtendedClientLike } from "./base-client.js";
import { readDataModel } from "./data-model.js";
import type { Transition } from "./define-transition.js";
import { createFindTouched, type OperationArgs, type WriteOperation, writeOperations } from "./find-touched.js";
import { runCreation } from "./run-creation.js";
import { runUpdate } from "./run-update.js";
import { runUpsert } from "./run-upsert.js";
import { tellChanges } from "./tell-changes.js";
import { createTransactionScope, type TransactionScope } from "./transaction-scope.js";
import { watchModels } from "./watched-model.js";
import type { WatchedOperation } from "./watched-operation.js";
import { createWatchedRows } from "./watched-rows.js";

/** What Prisma gives to a query extension. */
interface QueryCall {
  readonly model: string;
  readonly operation: WriteOperation;
  readonly args: OperationArgs;
  readonly query: (args: OperationArgs) => Promise<unknown>;
}

type QueryCallback = (call: QueryCall) => Promise<unknown>;

/** The query part of a Prisma extension, for the operations that write. */
export interface WriteQueries {
  readonly $allModels: Readonly<Record<WriteOperation, QueryCallback>>;
}

/** What {@link watchTransitions} watches with. */
export interface TransitionWatch {
  /** Belongs to the client: refuses changes of watched states outside a transaction. */
  readonly queries: WriteQueries;
  /** Begins an interactive transaction: `caller` is the client to open it on. */
  begin(client: ExtendedClientLike): { readonly caller: ExtendedClientLike; readonly scope: TransactionScope };
}

/** The argument by which the two extensions know of each other; a function, which Prisma hands on as it is. */
const transactionArgument = "omniBoxTransaction";

/**
 * Watches the operations of a client for changes of states.
 *
 * Prisma does not tell a query extension in which transaction a query runs. So each transaction is opened on a client with an
 * extension of its own, which knows it; being the last one it sees the arguments that the database will see. The extension of
 * the client, which sees the queries of all transactions and those outside, adds an argument that Prisma does not have and only
 * the transaction's extension takes out: what runs outside a transaction is refused by Prisma before any statement.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when the transitions do not fit the client.
 * @throws {OmniBoxError} CONFIG.UNSUPPORTED_CAPABILITY when the client does not tell its models.
 */
export function watchTransitions(
  client: object,
  transitions: readonly Transition[],
  outbox: Outbox<PrismaTransactionLike>,
): TransitionWatch {
  const dataModel = readDataModel(client);
  const watched = watchModels(transitions, dataModel);
  const findTouched = createFindTouched(watched, dataModel);
  const confirmed = new Set<string>();

  /** What the operation may change; a change that cannot be told of is refused. */
  function touchedBy({ model, operation, args }: QueryCall) {
    const touched = findTouched(model, operation, args);
    if (touched?.nested !== undefined) throw nestedRefused(model, operation, touched.nested);
    return touched?.own;
  }

  const onClient: QueryCallback = async (call) => {
    if (touchedBy(call) === undefined) return call.query(call.args);
    const { [transactionArgument]: noteElsewhere } = call.args;
    let isInTransaction = false;
    const noteTransaction = () => {
      isInTransaction = true;
      // Of another `omniBox` on the same client.
      if (typeof noteElsewhere === "function") noteElsewhere();
    };
    const result = await call
      .query({ ...call.args, [transactionArgument]: noteTransaction })
      .catch((error: unknown) => {
        throw !isInTransaction && namesArgument(error) ? transactionRequired(call) : error;
      });
    if (!isInTransaction) throw argumentLost(call);
    return result;
  };

  function inTransaction(scope: TransactionScope, depth: number): QueryCallback {
    return async (call) => {
      const { [transactionArgument]: noteTransaction, ...args } = call.args;
      if (typeof noteTransaction === "function") noteTransaction();
      const model = touchedBy({ ...call, args });
      if (model === undefined) return call.query(args);
      return scope.inTurn(() => {
        const base = baseOf(scope.client, depth);
        const rows = createWatchedRows(base, model);
        return run({
          model,
          operation: call.operation,
          args,
          query: call.query,
          scope,
          client: base,
          rows,
          tell: (changes) => tellChanges(outbox, scope.client, model, changes),
          async confirmOnce(locked, changed) {
            if (confirmed.has(model.name)) return;
            await rows.confirmChanged(locked, changed);
            confirmed.add(model.name);
          },
        });
      });
    };
  }

  return {
    queries: forWrites(onClient),
    begin(given) {
      const scope = createTransactionScope();
      const extension = { name: "omni-box-transitions", query: forWrites(inTransaction(scope, depthOf(given) + 1)) };
      return { caller: given.$extends(extension), scope };
    },
  };
}

function run(operation: WatchedOperation): Promise<unknown> {
  if (operation.operation === "upsert") return runUpsert(operation);
  return operation.operation.startsWith("update") ? runUpdate(operation) : runCreation(operation);
}

function forWrites(callback: QueryCallback): WriteQueries {
  const entries = writeOperations.map((operation) => [operation, callback] as const);
  return { $allModels: Object.fromEntries(entries) as Record<WriteOperation, QueryCallback> };
}

function namesArgument(error: unknown): boolean {
  return error instanceof Error && error.message.includes(transactionArgument);
}

function transactionRequired({ model, operation }: QueryCall): OmniBoxError {
  return new OmniBoxError(
    "CONFIG.TRANSACTION_REQUIRED",
    `${operation} of ${model} may change a state that is told of, and was called outside an interactive transaction. Call it ` +
      "on the transaction's own client: prisma.$transaction(async (tx) => { … })",
    { meta: { model, operation } },
  );
}

function argumentLost({ model, operation }: QueryCall): OmniBoxError {
  return new OmniBoxError(
    "OUTBOX.TRANSITION_REFUSED",
    `${operation} of ${model} was not watched for changes of its state, because another extension of the client dropped the ` +
      `argument ${transactionArgument}: apply omniBox after that extension`,
    { meta: { model, operation } },
  );
}

function nestedRefused(model: string, operation: string, nested: { path: string; model: string }): OmniBoxError {
  return new OmniBoxError(
    "OUTBOX.TRANSITION_REFUSED",
    `${operation} of ${model} would change the state of ${nested.model}, which is told of, through its relation ` +
      `(${nested.path}): write ${nested.model} by an operation of its own in the same transaction`,
    { meta: { model, operation, path: nested.path } },
  );
}
