import type { Outcome } from "../pipeline/outcome.js";
import type { StepContext } from "../pipeline/step.js";
import { finalOutcome } from "../processor/decide-rows.js";
import { createRetryDecisions } from "../resilience/retry-decisions.js";
import { atMostOnce } from "./ack-at-most-once.js";
import { effectivelyOnce } from "./ack-effectively-once.js";
import { onPersist } from "./ack-on-persist.js";
import { onSuccess } from "./ack-on-success.js";
import type { InboxConsumerCounters } from "./inbox-consumer-counters.js";
import type { Delivery } from "./inbox-consumer-delivery.js";
import type { ResolvedInboxConsumerOptions } from "./inbox-consumer-validation.js";
import type { DeliveryStrategy } from "./inbox-consumer-verdict.js";
import { createInlineExecutor } from "./inline-executor.js";
import { createInlineHandling } from "./inline-handling.js";
import { createPrepareHandling } from "./prepare-handling.js";
import type { StoreGate } from "./store-gate.js";
import type { StoreMessage } from "./store-message.js";
import { createWaitInHand } from "./wait-in-hand.js";

/** What a strategy is made of. */
export interface DeliveryStrategyParts<Tx, Dependencies> {
  readonly options: ResolvedInboxConsumerOptions<Tx, Dependencies>;
  readonly gate: StoreGate;
  readonly counters: InboxConsumerCounters;
  readonly store: StoreMessage;
  readonly signals: { readonly stopping: AbortSignal; readonly abandon: AbortSignal };
  readonly workerId: string;
}

/** Puts the strategy for the options together, and the executor under it if it handles anything. */
export function createDeliveryStrategy<Tx, Dependencies>(
  parts: DeliveryStrategyParts<Tx, Dependencies>,
): { readonly strategy: DeliveryStrategy; longestTransactionMs(): number } {
  const { options, gate, counters, store, signals, workerId } = parts;
  const { ackMoment, repository, router, outbox, dependencies, handlerTimeoutMs, steps, clock, logger } = options;
  if (ackMoment === "onPersist") return { strategy: onPersist(store), longestTransactionMs: () => 0 };

  const behindPending = options.ordering === "perKey" ? "leave" : "insert";
  const executor = createInlineExecutor<Tx>({
    ...signals,
    repository,
    handlerTimeoutMs,
    gate,
    counters,
    clock,
    insert: ackMoment === "effectivelyOnce" ? { behindPending } : null,
    concurrency: options.concurrency,
    batchSize: options.batchSize,
    acksFirst: ackMoment === "atMostOnce",
  });
  const retry = createRetryDecisions(options.retry, () => clock.now());
  const context: StepContext = {
    workerId,
    clock,
    logger,
    signal: signals.stopping,
    fence: null,
    leaseRemainingMs: () => Number.POSITIVE_INFINITY,
    leaseLost: () => signals.abandon,
    isGivenUp: (event, outcome) => finalOutcome(event, outcome, retry).kind === "failed",
  };
  const contextOf = (delivery: Delivery): StepContext =>
    ackMoment === "atMostOnce" ? { ...context, isGivenUp: (_event, given) => isLostBy(given, delivery) } : context;
  const prepare = createPrepareHandling({
    router,
    // Left out only where the handlers want none.
    dependencies: dependencies as Dependencies,
    handlerTimeoutMs,
    clock,
    logger,
    outbox: outbox ?? null,
    olderEvents: options.olderEvents,
    onHandled: counters.onHandled,
  });
  const handleInline = createInlineHandling({ prepare, executor, steps, contextOf });
  return { strategy: strategyOf(), longestTransactionMs: executor.longestTransactionMs };

  function strategyOf(): DeliveryStrategy {
    const { maxAttempts, suspectAfterRedeliveries } = options;
    const { stopping } = signals;
    const waitInHand = createWaitInHand(clock, stopping);
    switch (ackMoment) {
      case "atMostOnce":
        return atMostOnce({ handleInline, waitInHand, stopping });
      case "onSuccess":
        return onSuccess({ handleInline, store, retry, maxAttempts, waitInHand, stopping });
      default:
        return effectivelyOnce({ handleInline, store, retry, suspectAfterRedeliveries });
    }
  }
}

/** Whether a message that is handled at most once is lost with this outcome: what is put off before its handler begins is not. */
function isLostBy({ kind }: Outcome, { isForgotten }: Delivery): boolean {
  return kind === "retry" || kind === "failed" || (kind !== "completed" && isForgotten);
}
