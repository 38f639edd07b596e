import type { Outcome } from "../pipeline/outcome.js";
import { finalOutcome } from "../processor/decide-rows.js";
import type { ConsumedMessage } from "../protocols/event-consumer.js";
import type { InboxConsumerCounter } from "../protocols/metrics.js";
import type { RetryDecisions } from "../resilience/retry-decisions.js";
import type { Delivery } from "./inbox-consumer-delivery.js";
import { type DeliveryStrategy, failureOf, type Verdict, withdrawn } from "./inbox-consumer-verdict.js";
import type { InlineHandling } from "./inline-handling.js";
import type { StoreMessage } from "./store-message.js";
import { pendingRow, rowOfOutcome, suspectRow } from "./store-row.js";

/** What the strategy works with. */
export interface EffectivelyOnceParts {
  readonly handleInline: InlineHandling;
  readonly store: StoreMessage;
  readonly retry: RetryDecisions;
  readonly suspectAfterRedeliveries: number;
}

/**
 * Acknowledges a message when its row is committed: together with the handler's writes, or, after a failure, in a statement of
 * its own. A process that dies before leaves the message to the broker, and one that dies between the commit and the
 * acknowledgement leaves a row by which the next delivery is recognised.
 */
export function effectivelyOnce(parts: EffectivelyOnceParts): DeliveryStrategy {
  const { handleInline, store, retry, suspectAfterRedeliveries } = parts;
  function storeOutcome(delivery: Delivery, given: Outcome, mayBeCommitted: boolean): Promise<Verdict> {
    const final = finalOutcome(delivery.event, given, retry);
    const storedAs = { counters: [counterOf(final)], failure: failureOf(final), mayBeCommitted };
    return store(delivery, rowOfOutcome(delivery, final, retry), storedAs);
  }

  return {
    attemptsMade: () => 0,
    async handle(delivery) {
      if (isSuspect(delivery.message, suspectAfterRedeliveries))
        return store(delivery, suspectRow(delivery), { counters: ["stored", "suspects"], failure: null });
      const answer = await handleInline(delivery);
      switch (answer.kind) {
        case "committed":
          return { counters: ["processed"], settle: "ack", eventId: delivery.draft.id, failure: null };
        case "duplicate":
          return { counters: ["duplicates"], settle: "ack", eventId: answer.id, failure: null };
        case "withdrawn":
          return withdrawn(delivery);
        case "blocked":
          return store(delivery, pendingRow(delivery), { counters: ["stored", "blocked"], failure: null });
        case "busy":
          return store(delivery, pendingRow(delivery), { counters: ["stored"], failure: answer.failure });
        case "lost":
          return storeOutcome(delivery, { kind: "retry", failure: answer.failure, delayMs: null }, true);
        case "outcome":
          return storeOutcome(delivery, answer.outcome, false);
      }
    },
  };
}

/** Whether earlier deliveries may have killed their process: the broker counts many, or says that there was one and counts none. */
function isSuspect({ redelivered, deliveryCount }: ConsumedMessage, suspectAfterRedeliveries: number): boolean {
  return deliveryCount === null ? redelivered : deliveryCount > suspectAfterRedeliveries;
}

/** What a message of this outcome counts as once it is stored. */
function counterOf({ kind }: Outcome): InboxConsumerCounter {
  switch (kind) {
    case "completed":
      return "processed";
    case "retry":
      return "retried";
    case "failed":
      return "failed";
    case "defer":
    case "release":
      return "stored";
  }
}
