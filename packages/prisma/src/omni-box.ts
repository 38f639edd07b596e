import {
  type AddedEvent,
  type AddOptions,
  cautiousLogger,
  consoleLogger,
  describeFailure,
  expecting,
  functionOption,
  type Logger,
  OmniBoxError,
  type Outbox,
  type OutboxEventDraft,
  objectWith,
  validateOptions,
} from "@omni-box/core";
import { z } from "zod";
import { addedEventsListener, listenForAddedEvents, noteAddedEvents } from "./note-added-events.js";
import type { PrismaTransactionLike } from "./prisma-client-like.js";
import type { ExtendedClientLike } from "./transitions/base-client.js";
import { isTransition, type Transition } from "./transitions/define-transition.js";
import type { TransactionScope } from "./transitions/transaction-scope.js";
import { type TransitionWatch, watchTransitions } from "./transitions/watch-transitions.js";

/** The outbox of one transaction, as `tx.$outbox`. */
export interface TransactionOutbox {
  /** Adds one event or many to this transaction; see `Outbox.add` for the contract. */
  add(events: OutboxEventDraft | readonly OutboxEventDraft[], options?: AddOptions): Promise<readonly AddedEvent[]>;
}

/** Options of {@link omniBox}. */
export interface OmniBoxExtensionOptions {
  readonly outbox: Outbox<PrismaTransactionLike>;
  /**
   * Called once after an interactive transaction that added events, by `tx.$outbox` or by the outbox itself, has committed; for
   * example `() => relay.nudge()`, or `() => wakeUpSender.notify()` when the relay is another process.
   *
   * Never called after a rollback, nor for a nested transaction before the outermost one has committed. A hint and no promise:
   * a process that dies after its commit calls nothing, and neither does one that lost the answer to it. What the function
   * returns is not waited for, and what it throws is logged and does not fail the transaction.
   */
  readonly afterCommit?: (() => unknown) | undefined;
  /**
   * States whose changes are told of by events, each made by `defineTransition`; default none. With them the operations that may
   * change such a state are refused outside interactive transactions, with CONFIG.TRANSACTION_REQUIRED.
   */
  readonly transitions?: readonly Transition[] | undefined;
  /** Told when `afterCommit` begins to throw; default: stderr. */
  readonly logger?: Logger | undefined;
}

type NoMembers = Record<never, never>;

/** The extension that {@link omniBox} makes, in the form that `$extends` takes. */
export type OmniBoxExtension = (client: unknown) => {
  $extends: {
    // What a client extension looks like to Prisma's types: the members are read through functions.
    extArgs: {
      result: NoMembers;
      model: NoMembers;
      query: NoMembers;
      client: { $outbox: () => TransactionOutbox };
    };
  };
};

type RunTransaction = (this: unknown, input: unknown, options?: unknown) => Promise<unknown>;

/** The part of any Prisma client that the extension touches. */
interface ExtensibleClient {
  readonly $transaction: RunTransaction;
  $extends(extension: object): ReturnType<OmniBoxExtension>;
}

/** What watches the operations of one client, and where its transactions keep their scope. */
interface ClientWatch extends TransitionWatch {
  readonly scopeKey: symbol;
}

type Work = (tx: PrismaTransactionLike) => unknown;

const extensionOptions = z.strictObject({
  outbox: objectWith<Outbox<PrismaTransactionLike>>("an outbox", "add"),
  afterCommit: functionOption<() => unknown>("()").optional(),
  transitions: z.array(expecting<Transition>("a transition made by defineTransition", isTransition)).default([]),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error").default(consoleLogger),
});

/**
 * A Prisma client extension that lets the outbox travel with the transaction: `tx.$outbox.add(event)`; and that adds an event for
 * each change of the states that `transitions` names.
 *
 * Works in nested transactions and beside other extensions, in any order. Outside a transaction `$outbox.add` rejects with
 * CONFIG.TRANSACTION_REQUIRED, also when the outbox is not strict.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems; when the client is extended, those of the transitions.
 */
export function omniBox(options: OmniBoxExtensionOptions): OmniBoxExtension {
  const checked = validateOptions("omniBox", extensionOptions, options);
  const { outbox, afterCommit, transitions, logger } = checked;
  const committed = afterCommit === undefined ? () => undefined : tolerant(afterCommit, logger);

  function watch(client: object): ClientWatch | undefined {
    if (transitions.length === 0) return undefined;
    return { ...watchTransitions(client, transitions, outbox), scopeKey: Symbol("omni-box.scope") };
  }

  /** Runs an interactive transaction whose client carries the outbox. */
  async function transact(
    run: RunTransaction,
    watched: ClientWatch | undefined,
    client: unknown,
    work: Work,
    options: unknown,
  ): Promise<unknown> {
    // Only inside of a transaction, of which the one that begins is a part.
    const outer = addedEventsListener(client);
    const { caller, members, within } = watched === undefined ? unwatched(client) : openScope(watched, client);
    let hasAdded = false;
    const noteAdded = () => {
      hasAdded = true;
    };
    const workWithOutbox = async (tx: PrismaTransactionLike) => {
      const bound = bindOutbox(tx, outbox, noteAdded, members);
      const result = await within(bound, () => work(bound));
      // The client may be extended by another `omniBox`, which has its own `afterCommit`.
      if (hasAdded && outer === undefined) noteAddedEvents(tx);
      return result;
    };
    const result = await run.call(caller, workWithOutbox, options);
    if (hasAdded) (outer ?? committed)();
    return result;
  }

  return (given) => {
    const client = given as ExtensibleClient;
    const watched = watch(client);
    // Prisma hands extension members out without saying on which client they were read, so a property cannot know its
    // transaction. The one place that knows it is $transaction. Taken off the client as it is now, and called on the client
    // that the application calls, it keeps every extension that was or will be added.
    const runTransaction = client.$transaction;
    return client.$extends({
      name: "omni-box",
      client: {
        $outbox: outsideTransaction,
        $transaction(this: unknown, input: unknown, transactionOptions?: unknown) {
          // An array of operations has no use for an outbox and stays as it is.
          if (!isWork(input)) return runTransaction.call(this, input, transactionOptions);
          return transact(runTransaction, watched, this, input, transactionOptions);
        },
      },
      ...(watched && { query: watched.queries }),
    });
  };
}

type Members = Readonly<Record<PropertyKey, unknown>>;

/** How a transaction is opened and run. */
interface Opening {
  /** The client that it is opened on. */
  readonly caller: unknown;
  /** What its client has besides the outbox. */
  readonly members: Members;
  within(client: PrismaTransactionLike, work: () => unknown): Promise<unknown>;
}

function unwatched(client: unknown): Opening {
  return { caller: client, members: {}, within: async (_client, work) => work() };
}

/** Opens a transaction whose operations are watched, or one nested in it. */
function openScope({ begin, scopeKey }: ClientWatch, client: unknown): Opening {
  const outer = Reflect.get(client as object, scopeKey) as TransactionScope | undefined;
  const { caller, scope } =
    outer === undefined ? begin(client as ExtendedClientLike) : { caller: client, scope: outer };
  return { caller, members: { [scopeKey]: scope }, within: (tx, work) => scope.within(tx, work) };
}

function isWork(input: unknown): input is Work {
  return typeof input === "function";
}

function bindOutbox(
  tx: PrismaTransactionLike,
  outbox: Outbox<PrismaTransactionLike>,
  noteAdded: () => void,
  members: Members,
): PrismaTransactionLike {
  const $outbox: TransactionOutbox = Object.freeze({
    add: (events: OutboxEventDraft | readonly OutboxEventDraft[], options?: AddOptions) =>
      outbox.add(bound, events, options),
  });
  const bound = listenForAddedEvents(tx, noteAdded, { ...members, $outbox });
  return bound;
}

/** Calls the application's function; of its failures the first in a row is logged. */
function tolerant(call: () => unknown, logger: Logger): () => void {
  let isFailing = false;
  const attempt = async () => {
    try {
      await call();
      isFailing = false;
    } catch (error) {
      if (isFailing) return;
      isFailing = true;
      const message = "afterCommit has failed; the transaction is committed all the same";
      cautiousLogger(logger).warn({ ...describeFailure(error) }, message);
    }
  };
  return () => void attempt();
}

const outsideTransaction: TransactionOutbox = Object.freeze({
  async add(): Promise<never> {
    throw new OmniBoxError(
      "CONFIG.TRANSACTION_REQUIRED",
      "$outbox.add was called outside a transaction. Call it on the transaction's own client: " +
        "prisma.$transaction(async (tx) => { … await tx.$outbox.add(event) })",
    );
  },
});
