import { describeFailure } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { type DeliveryStrategy, failureOf, withdrawn } from "./inbox-consumer-verdict.js";
import type { InlineHandling } from "./inline-handling.js";
import type { InlineAnswer } from "./inline-transaction.js";

/**
 * Acknowledges a message in the moment in which its handler begins, and stores nothing: what fails, or is interrupted by the
 * death of the process, is lost. Until then the message is the broker's.
 */
export function atMostOnce(handleInline: InlineHandling): DeliveryStrategy {
  return {
    attemptsMade: () => 0,
    async handle(delivery) {
      const answer = await handleInline(delivery);
      if (answer.kind === "withdrawn" && !delivery.isForgotten) return withdrawn(delivery);
      const isDone = answer.kind === "committed" || (answer.kind === "outcome" && answer.outcome.kind === "completed");
      if (isDone) return { counters: ["processed"], settle: "ack", eventId: null, failure: null };
      return { counters: ["failed"], settle: "ack", eventId: null, failure: lossOf(answer) };
    },
  };
}

function lossOf(answer: InlineAnswer) {
  if (answer.kind === "busy" || answer.kind === "lost") return answer.failure;
  const failure = answer.kind === "outcome" ? failureOf(answer.outcome) : null;
  if (failure !== null) return failure;
  return describeFailure(
    new OmniBoxError("BROKER.STOPPED", "the inbox consumer stopped while the message was handled"),
  );
}
