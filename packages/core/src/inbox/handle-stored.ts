import { z } from "zod";
import { defaults } from "../defaults.js";
import { isOmniBoxError, OmniBoxError } from "../errors/omni-box-error.js";
import { milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { Outbox } from "../outbox/create-outbox.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { EventHandler } from "../pipeline/step.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { InboxEventRepository, InboxTransaction } from "../protocols/inbox-event-repository.js";
import { consoleLogger, type Logger } from "../protocols/logger.js";
import type { EventRoutes } from "../routing/event-router.js";
import { commitIfCompleted } from "./commit-if-completed.js";
import { fenceOfEvent } from "./fence-of-event.js";
import { failureOfHandler } from "./handler-failure.js";
import { isConnectionLost, isStoreOutage, type OwnStatements } from "./inbox-processor-outage.js";
import { createLostConnections } from "./lost-connections.js";
import { findStale, type OlderEventsOption, olderEventsOption, staleOutcome } from "./older-events.js";
import { createPrepareHandling, type OnHandled } from "./prepare-handling.js";

/** Options of {@link handleWith}; they mean what they mean for `createInboxProcessor`. */
export interface HandleWithOptions<Tx, Dependencies> {
  readonly router: EventRoutes<Tx, Dependencies>;
  /** Lets handlers publish: `context.outbox`. */
  readonly outbox?: Outbox<Tx> | undefined;
  /** Passed to every handler as `context.dependencies`. */
  readonly dependencies?: Dependencies | undefined;
  /** The longest time that a handler may take; default 30,000 ms. */
  readonly handlerTimeoutMs?: number | undefined;
  /** A pino logger, or anything like it; default: warnings and errors on stderr. */
  readonly logger?: Logger | undefined;
  /** See {@link OlderEvents}; default `handle`. */
  readonly olderEvents?: OlderEventsOption | undefined;
  readonly clock?: Clock | undefined;
}

const handleOptions = z.strictObject({
  repository: objectWith<InboxEventRepository<never>>("an inbox repository", "transaction", "store"),
  router: objectWith<EventRoutes<never, never>>("an event router", "route"),
  outbox: objectWith<Outbox<never>>("an outbox", "add").optional(),
  dependencies: z.unknown().optional(),
  handlerTimeoutMs: milliseconds(1).default(defaults.handlerTimeoutMs),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error").default(consoleLogger),
  olderEvents: olderEventsOption,
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
});

/**
 * The inbox processor's handler: runs the router's handler for a stored event, in one transaction with the event's completion.
 *
 * The completion is the last statement and checks the lease, so that a worker that lost it applies nothing. For processors
 * that are put together by hand, which then have no lone starts for suspects of having killed their process:
 *
 * ```ts
 * createProcessorBuilder(repository)
 *   .fetch(filtered(leased({ heartbeat: true }), { consumerGroup: "shipping" }))
 *   .handle(handleWith(repository, { router }))
 *   .build();
 * ```
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function handleWith<Tx, Dependencies>(
  repository: InboxEventRepository<Tx>,
  options: HandleWithOptions<Tx, Dependencies>,
): EventHandler<InboxEvent> {
  return createStoredHandler(repository, options, null, null);
}

/** How far one transaction has come, for what its errors mean. */
interface Run {
  stage: "beginning" | "handling" | "completing";
  hasLostConnection: boolean;
}

/** The same for a processor that wants to know how the statements around the handler go, and how long handlers take. */
export function createStoredHandler<Tx, Dependencies>(
  repository: InboxEventRepository<Tx>,
  options: HandleWithOptions<Tx, Dependencies>,
  statements: OwnStatements | null,
  onHandled: OnHandled | null,
): EventHandler<InboxEvent> {
  const { handlerTimeoutMs, logger, clock, olderEvents } = validateOptions("handleWith", handleOptions, {
    ...options,
    repository,
  });
  const { router, outbox = null } = options;
  // Left out only where the handlers want none.
  const dependencies = options.dependencies as Dependencies;
  const parts = { router, outbox, dependencies, handlerTimeoutMs, clock, logger, olderEvents, onHandled };
  const prepare = createPrepareHandling(parts);
  const timeoutMs = handlerTimeoutMs + defaults.transactionMarginMs;
  const connections = createLostConnections();
  return Object.freeze<EventHandler<InboxEvent>>({
    name: "handleWith",
    requiredLeaseMs: timeoutMs,
    async handle(event, context) {
      const { fence } = context;
      if (!fence) throw notStored();
      if (context.signal.aborted) return outcome.release("the worker is stopping");
      const lost = context.leaseLost(event);
      const preparation = await prepare(event);
      if (preparation.kind === "settled") return preparation.outcome;
      if (lost.aborted || context.leaseRemainingMs(event) <= 0)
        return outcome.release("the lease was lost before the handler began");
      const run: Run = { stage: "beginning", hasLostConnection: false };

      const meaningOf = (error: unknown): Outcome => {
        // Without a reason of its own a completion is refused over something that this very transaction did.
        const isRefusal = run.stage === "completing" && isOmniBoxError(error, "STORE.TRANSACTION_FAILED");
        const isOurs = run.stage !== "handling" && !isRefusal && isStoreOutage(error);
        if (isOurs) statements?.failed(event, error);
        if (run.stage !== "beginning" && isConnectionLost(error)) {
          run.hasLostConnection = true;
          return connections.lost(event, error);
        }
        // No handler had begun: the sequence of the key was held by another transaction all the time.
        if (run.stage === "beginning" && isOmniBoxError(error, "INBOX.HANDLER_TIMEOUT")) return outcome.defer(error);
        return isOurs ? outcome.defer(error) : failureOfHandler(error);
      };

      const work = async (tx: InboxTransaction<Tx>): Promise<Outcome> => {
        statements?.answered(event);
        const [isStale] = await findStale(tx, [preparation.handling.sequence]);
        run.stage = "handling";
        const result = isStale ? staleOutcome() : await preparation.handling.run(tx.client, lost);
        run.stage = "completing";
        if (result.kind !== "completed") return result;
        if (await tx.complete(fenceOfEvent(fence, event), { id: event.id, seq: event.seq }))
          return outcome.committed(result.reason);
        return outcome.release(
          "the lease was lost: another worker has the event, and what the handler wrote is rolled back",
        );
      };

      const result = await commitIfCompleted(repository, { timeoutMs }, work, meaningOf);
      if (run.stage !== "beginning" && !run.hasLostConnection) connections.kept(event);
      return result;
    },
  });
}

function notStored(): OmniBoxError {
  const message =
    "handleWith works on stored events that are held under a lease: give it to a processor of an inbox repository";
  return new OmniBoxError("PIPELINE.INVALID_STEP", message);
}
