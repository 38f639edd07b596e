import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { Outcome } from "../pipeline/outcome.js";
import type { InboxConsumerCounter } from "../protocols/metrics.js";
import type { Delivery } from "./inbox-consumer-delivery.js";

/** What is to become of one delivery, when all that had to be committed is. */
export interface Verdict {
  /** What it counts as; the first one says what it is. */
  readonly counters: readonly InboxConsumerCounter[];
  readonly settle: "ack" | "requeue" | "deadLetter";
  /** The id of its row, if it has one. */
  readonly eventId: string | null;
  readonly failure: FailureDescription | null;
}

/** What is done with one delivery; never rejects. */
export type DeliveryHandling = (delivery: Delivery) => Promise<Verdict>;

/** How deliveries are dealt with under one ack strategy. */
export interface DeliveryStrategy {
  /** Counted failures of earlier deliveries, as far as they are known here. */
  attemptsMade(messageId: string): number;
  readonly handle: DeliveryHandling;
}

/** The message goes back to the broker, or is there already; nothing is known to be committed. */
export function withdrawn(delivery: Delivery): Verdict {
  const error = delivery.isLost
    ? new OmniBoxError("BROKER.CONNECTION_LOST", "its channel has gone: the message will be delivered again")
    : new OmniBoxError("BROKER.STOPPED", "the inbox consumer stopped: the message went back to the broker");
  const counter = delivery.isLost ? "lost" : "requeued";
  return { counters: [counter], settle: "requeue", eventId: null, failure: describeFailure(error) };
}

/** Why an outcome is not a success; `null` where nothing has failed. */
export function failureOf(outcome: Outcome): FailureDescription | null {
  return outcome.kind === "completed" || outcome.kind === "release" ? null : outcome.failure;
}
