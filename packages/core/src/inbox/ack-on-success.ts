import { defaults } from "../defaults.js";
import type { FailureDescription } from "../errors/describe-failure.js";
import type { Outcome } from "../pipeline/outcome.js";
import { finalOutcome } from "../processor/decide-rows.js";
import type { RetryDecisions } from "../resilience/retry-decisions.js";
import type { Delivery } from "./inbox-consumer-delivery.js";
import { type DeliveryStrategy, type Verdict, withdrawn } from "./inbox-consumer-verdict.js";
import type { InlineHandling } from "./inline-handling.js";
import type { InlineAnswer } from "./inline-transaction.js";
import type { StoreMessage } from "./store-message.js";
import { failedRow, rowOfOutcome, suspectRow } from "./store-row.js";
import type { WaitInHand } from "./wait-in-hand.js";

/** What the strategy works with. */
export interface OnSuccessParts {
  readonly handleInline: InlineHandling;
  readonly store: StoreMessage;
  readonly retry: RetryDecisions;
  readonly maxAttempts: number;
  readonly waitInHand: WaitInHand;
  /** Aborted when nothing more is to be begun. */
  readonly stopping: AbortSignal;
}

/** Messages whose failures are remembered; older ones are forgotten. */
const rememberedMessages = 10_000;

/**
 * Acknowledges a message when its handler's transaction, which holds no row, is committed. After a failure it goes back to the
 * broker when its backoff is over, and when the failures that this process has seen are used up it is stored as failed. One
 * that the broker has delivered as often, for whatever reason, is stored for the processor, which handles it alone.
 *
 * What a handler defers, or a step puts off, stays in hand: nothing is wrong with the message, and each redelivery would count against it.
 */
export function onSuccess(parts: OnSuccessParts): DeliveryStrategy {
  const { handleInline, store, retry, maxAttempts, waitInHand, stopping } = parts;
  const failures = new Map<string, number>();

  function remember({ draft, event }: Delivery): void {
    failures.delete(draft.messageId);
    failures.set(draft.messageId, event.attemptsMade + 1);
    for (const oldest of failures.keys()) {
      if (failures.size <= rememberedMessages) break;
      failures.delete(oldest);
    }
  }

  async function failed(delivery: Delivery, failure: FailureDescription): Promise<Verdict> {
    const verdict = await store(delivery, failedRow(delivery, failure), { counters: ["failed"], failure });
    failures.delete(delivery.draft.messageId);
    return verdict;
  }

  return {
    attemptsMade: (messageId) => failures.get(messageId) ?? 0,
    async handle(delivery) {
      const { event, message } = delivery;
      // Stops, lost channels and neighbours that killed the process count too: no reason to give it up.
      if ((message.deliveryCount ?? 0) >= maxAttempts) {
        failures.delete(delivery.draft.messageId);
        return store(delivery, suspectRow(delivery), { counters: ["stored", "suspects"], failure: null });
      }
      for (;;) {
        const answer = await handleInline(delivery);
        if (answer.kind === "withdrawn") return withdrawn(delivery);
        const said = outcomeOf(answer);
        const given = said === null ? null : finalOutcome(event, said, retry);
        if (answer.kind === "committed" || given?.kind === "completed") {
          failures.delete(delivery.draft.messageId);
          return { counters: ["processed"], settle: "ack", eventId: null, failure: null };
        }
        if (given?.kind === "failed") return failed(delivery, given.failure);
        if (given?.kind === "retry") {
          remember(delivery);
          await waitInHand(delivery, rowOfOutcome(delivery, given, retry).delayMs ?? 0);
          return { counters: ["retried"], settle: "requeue", eventId: null, failure: given.failure };
        }
        await waitInHand(delivery, given?.delayMs ?? defaults.retryBaseMs);
        if (stopping.aborted || delivery.isLost) return withdrawn(delivery);
      }
    },
  };
}

/** What a message came to whose transaction was not committed, as far as is known; `null`: it is to be tried again in hand. */
function outcomeOf(answer: InlineAnswer): Outcome | null {
  if (answer.kind === "lost") return { kind: "retry", failure: answer.failure, delayMs: null };
  return answer.kind === "outcome" ? answer.outcome : null;
}
