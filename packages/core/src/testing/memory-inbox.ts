import { z } from "zod";
import { defaults } from "../defaults.js";
import { functionOption, milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import { createInboxEventId, type InboxEventDraft, inboxEventOf } from "../events/inbox-event-draft.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";
import { commitIfCompleted } from "../inbox/commit-if-completed.js";
import { failureOfHandler } from "../inbox/handler-failure.js";
import { createPrepareHandling, type PrepareHandling } from "../inbox/prepare-handling.js";
import type { Outbox } from "../outbox/create-outbox.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { InboxTransaction } from "../protocols/inbox-event-repository.js";
import { type Logger, silentLogger } from "../protocols/logger.js";
import type { EventRouter } from "../routing/event-router.js";
import { createMemoryInboxRepository } from "./memory-inbox-repository.js";
import type { MemoryTransaction } from "./memory-transaction.js";

/** What became of a delivered event; `failure` of a retry or a failure says why. */
export type MemoryInboxResult = Outcome | { readonly kind: "duplicate" };

/** How an event is delivered to a {@link MemoryInbox}. */
export interface DeliverOptions {
  /** What the handler sees as `context.attempt`; default 1. */
  readonly attempt?: number | undefined;
}

/** Hands events to the handlers of an application, for its tests: no broker, no database. */
export interface MemoryInbox {
  /**
   * Handles the event once, as the inbox does with a message that arrives: finds its handler, migrates and validates the
   * payload, and commits only when the handler has completed. An event that was completed before is a duplicate. Nothing is
   * retried; deliver it again for another attempt. Never rejects because of a handler.
   */
  deliver(event: OutboxEventDraft, options?: DeliverOptions): Promise<MemoryInboxResult>;
}

/** Options of {@link createMemoryInbox}. */
export interface MemoryInboxOptions<Tx, Dependencies> {
  readonly router: EventRouter<Tx, Dependencies>;
  /**
   * Makes what handlers get as `context.tx`: a stand-in of the application's client, or `own` itself. What a stand-in writes
   * through `own.onCommit` happens only when the handler has completed.
   */
  readonly tx: (own: MemoryTransaction) => Tx;
  /** Where handlers publish to, as `createMemoryOutbox()` makes it; default: handlers that publish are refused. */
  readonly outbox?: Outbox<MemoryTransaction> | undefined;
  /** Passed to every handler as `context.dependencies`. */
  readonly dependencies?: Dependencies | undefined;
  /** The longest time that a handler may take; default 30,000 ms. */
  readonly handlerTimeoutMs?: number | undefined;
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined;
  /** What handlers get as `context.logger`; default: nothing is logged. */
  readonly logger?: Logger | undefined;
}

const inboxOptions = z.strictObject({
  router: objectWith<EventRouter<never, never>>("an event router", "route"),
  tx: functionOption<(own: MemoryTransaction) => unknown>("(own) => transaction"),
  outbox: objectWith<Outbox<MemoryTransaction>>("an outbox", "add").optional(),
  dependencies: z.unknown().optional(),
  handlerTimeoutMs: milliseconds(1).default(defaults.handlerTimeoutMs),
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error").default(silentLogger),
});

/**
 * Creates an inbox for tests of an application's handlers.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createMemoryInbox<Tx, Dependencies = undefined>(
  options: MemoryInboxOptions<Tx, Dependencies>,
): MemoryInbox {
  const { handlerTimeoutMs, clock, logger } = validateOptions("createMemoryInbox", inboxOptions, options);
  const { router, outbox, tx } = options;
  const repository = createMemoryInboxRepository({ clock });
  const neverAborted = new AbortController().signal;

  function prepareOn(own: MemoryTransaction): PrepareHandling<Tx> {
    return createPrepareHandling<Tx, Dependencies>({
      router,
      // Whatever the handlers' transaction is, the events are added to the one that is really rolled back.
      outbox: outbox === undefined ? null : { add: (_tx, events, addOptions) => outbox.add(own, events, addOptions) },
      dependencies: options.dependencies as Dependencies,
      handlerTimeoutMs,
      clock,
      logger,
      olderEvents: "handle",
    });
  }

  async function deliver(event: OutboxEventDraft, { attempt = 1 }: DeliverOptions = {}): Promise<MemoryInboxResult> {
    const draft = receivedAs(event);
    const received = { ...inboxEventOf(draft, new Date(clock.now())), attemptsMade: attempt - 1 };
    let isDuplicate = false;
    // Preparing and handling may take that long each; they have time-outs of their own.
    const timeoutMs = 2 * handlerTimeoutMs + defaults.transactionMarginMs;
    const work = async (transaction: InboxTransaction<MemoryTransaction>) => {
      const [stored] = await transaction.insertCompleted([draft], { behindPending: "insert" });
      isDuplicate = stored?.kind === "duplicate";
      if (isDuplicate) return outcome.completed();
      const preparation = await prepareOn(transaction.client)(received);
      if (preparation.kind === "settled") return preparation.outcome;
      return preparation.handling.run(tx(transaction.client), neverAborted);
    };
    const result = await commitIfCompleted(repository, { timeoutMs }, work, failureOfHandler);
    return isDuplicate ? { kind: "duplicate" } : result;
  }

  return Object.freeze({ deliver });
}

/** The event as it arrives. */
function receivedAs(event: OutboxEventDraft): InboxEventDraft {
  const { id, type, schemaVersion, topic, partitionKey, payload, headers } = event;
  const { traceId, correlationId, causationId, maxAttempts } = event;
  return {
    ...{
      id: createInboxEventId(),
      messageId: id,
      consumerGroup: "memory",
      source: "memory",
      senderSeq: null,
      body: null,
    },
    ...{ type, schemaVersion, topic, partitionKey, payload, headers, maxAttempts },
    ...{ traceId, correlationId, causationId },
  };
}
