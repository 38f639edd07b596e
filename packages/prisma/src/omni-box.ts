import {
  type AddedEvent,
  type AddOptions,
  OmniBoxError,
  type Outbox,
  type OutboxEventDraft,
  objectWith,
  validateOptions,
} from "@omni-box/core";
import { z } from "zod";
import type { PrismaTransactionLike } from "./prisma-client-like.js";

/** The outbox of one transaction, as `tx.$outbox`. */
export interface TransactionOutbox {
  /** Adds one event or many to this transaction; see `Outbox.add` for the contract. */
  add(events: OutboxEventDraft | readonly OutboxEventDraft[], options?: AddOptions): Promise<readonly AddedEvent[]>;
}

/** Options of {@link omniBox}. */
export interface OmniBoxExtensionOptions {
  readonly outbox: Outbox<PrismaTransactionLike>;
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

const extensionOptions = z.strictObject({ outbox: objectWith<Outbox<PrismaTransactionLike>>("an outbox", "add") });

/**
 * A Prisma client extension that lets the outbox travel with the transaction: `tx.$outbox.add(event)`.
 *
 * Works in nested transactions and beside other extensions, in any order. Outside a transaction `$outbox.add` rejects with
 * CONFIG.TRANSACTION_REQUIRED, also when the outbox is not strict.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function omniBox(options: OmniBoxExtensionOptions): OmniBoxExtension {
  const { outbox } = validateOptions("omniBox", extensionOptions, options);
  return (given) => {
    const client = given as ExtensibleClient;
    // Prisma hands extension members out without saying on which client they were read, so a property cannot know its
    // transaction. The one place that knows it is $transaction. Taken off the client as it is now, and called on the client
    // that the application calls, it keeps every extension that was or will be added.
    const runTransaction = client.$transaction;
    return client.$extends({
      name: "omni-box",
      client: {
        $outbox: outsideTransaction,
        $transaction(this: unknown, input: unknown, transactionOptions?: unknown) {
          return runTransaction.call(this, withOutbox(input, outbox), transactionOptions);
        },
      },
    });
  };
}

/** Wraps the callback of an interactive transaction; an array of operations has no use for an outbox and stays as it is. */
function withOutbox(input: unknown, outbox: Outbox<PrismaTransactionLike>): unknown {
  if (typeof input !== "function") return input;
  return (tx: PrismaTransactionLike) => input(bindOutbox(tx, outbox));
}

function bindOutbox(tx: PrismaTransactionLike, outbox: Outbox<PrismaTransactionLike>): PrismaTransactionLike {
  const bound: TransactionOutbox = Object.freeze({
    add: (events: OutboxEventDraft | readonly OutboxEventDraft[], options?: AddOptions) =>
      outbox.add(tx, events, options),
  });
  // A property set on the transaction client would end up on the client that all transactions share.
  return new Proxy(tx, {
    get: (target, property) => (property === "$outbox" ? bound : Reflect.get(target, property)),
  });
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
