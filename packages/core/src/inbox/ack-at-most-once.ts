import { defaults } from "../defaults.js";
import { describeFailure } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { type DeliveryStrategy, failureOf, withdrawn } from "./inbox-consumer-verdict.js";
import type { InlineHandling } from "./inline-handling.js";
import type { InlineAnswer } from "./inline-transaction.js";
import type { WaitInHand } from "./wait-in-hand.js";

/** What the strategy works with. */
export interface AtMostOnceParts {
  readonly handleInline: InlineHandling;
  readonly waitInHand: WaitInHand;
  /** Aborted when nothing more is to be begun. */
  readonly stopping: AbortSignal;
}

/**
 * Acknowledges a message in the moment in which its handler begins, and stores nothing: what fails, or is interrupted by the
 * death of the process, is lost. Until then the message is the broker's: what a step puts off before its handler begins stays in
 * hand, and goes back with a stop.
 */
export function atMostOnce({ handleInline, waitInHand, stopping }: AtMostOnceParts): DeliveryStrategy {
  return {
    attemptsMade: () => 0,
    async handle(delivery) {
      for (;;) {
        const answer = await handleInline(delivery);
        if (!delivery.isForgotten) {
          if (answer.kind === "withdrawn") return withdrawn(delivery);
          const delayMs = putOffMs(answer);
          if (delayMs !== null) {
            await waitInHand(delivery, delayMs);
            if (stopping.aborted || delivery.isLost) return withdrawn(delivery);
            continue;
          }
        }
        const isDone =
          answer.kind === "committed" || (answer.kind === "outcome" && answer.outcome.kind === "completed");
        if (isDone) return { counters: ["processed"], settle: "ack", eventId: null, failure: null };
        return { counters: ["failed"], settle: "ack", eventId: null, failure: lossOf(answer) };
      }
    },
  };
}

/** How long a step puts a message off; `null` when none does. */
function putOffMs(answer: InlineAnswer): number | null {
  if (answer.kind !== "outcome") return null;
  const { outcome } = answer;
  return outcome.kind === "defer" || outcome.kind === "release" ? (outcome.delayMs ?? defaults.retryBaseMs) : null;
}

function lossOf(answer: InlineAnswer) {
  if (answer.kind === "busy" || answer.kind === "lost") return answer.failure;
  const failure = answer.kind === "outcome" ? failureOf(answer.outcome) : null;
  if (failure !== null) return failure;
  return describeFailure(
    new OmniBoxError("BROKER.STOPPED", "the inbox consumer stopped while the message was handled"),
  );
}
