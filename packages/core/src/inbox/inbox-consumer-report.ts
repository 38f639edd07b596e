import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { FailureNotices } from "../processor/failure-notices.js";
import type { CancelTimer, Clock } from "../protocols/clock.js";
import type { Logger } from "../protocols/logger.js";
import type { InboxConsumeResult } from "./inbox-consume-result.js";
import type { InboxConsumerCounters } from "./inbox-consumer-counters.js";
import type { Delivery } from "./inbox-consumer-delivery.js";
import type { Verdict } from "./inbox-consumer-verdict.js";
import { createUnhandledWarning } from "./warn-unhandled.js";

/** Says what became of each delivery: to the application, to the counters, and in the log. */
export type ReportDelivery = (delivery: Delivery, verdict: Verdict) => void;

/** What reports are made with. */
export interface ReportParts {
  readonly onResult: ((result: InboxConsumeResult) => void) | undefined;
  readonly counters: InboxConsumerCounters;
  readonly notices: FailureNotices<InboxEvent>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A wrong handler must not write a line for each of a million messages. */
const failureLineEveryMs = 1_000;

export function createReportDelivery({ onResult, counters, notices, clock, logger }: ReportParts): ReportDelivery {
  const warnOfUnhandled = createUnhandledWarning(logger);
  let hasThrown = false;
  let unreported = 0;
  let nextLine: CancelTimer | null = null;

  /** Writes the line about the failure that came last, and those before it that no line was written about. */
  let last: () => void = () => undefined;

  /** Calls the application's code, whose bugs must not end the consumer. */
  async function tell(listener: (result: InboxConsumeResult) => unknown, result: InboxConsumeResult): Promise<void> {
    try {
      await listener(result);
    } catch (error) {
      if (!hasThrown) logger.error({ ...describeFailure(error) }, "onResult throws; its results are incomplete");
      hasThrown = true;
    }
  }

  function logFailure({ draft: { messageId, type, source } }: Delivery, failure: FailureDescription): void {
    unreported += 1;
    const writeLine = () => {
      nextLine = null;
      if (unreported === 0) return;
      const fields = { messages: unreported, messageId, type, source, code: failure.code };
      logger.error(fields, `messages have failed for good, the last of them over: ${failure.message}`);
      unreported = 0;
      nextLine = clock.schedule(failureLineEveryMs, () => last());
    };
    last = writeLine;
    if (nextLine === null) writeLine();
  }

  return (delivery, verdict) => {
    const { eventId, failure } = verdict;
    const [kind] = verdict.counters;
    const { type } = delivery.draft;
    for (const counter of verdict.counters) counters.add(counter, type);
    if (verdict.settle === "deadLetter" && delivery.isForgotten) counters.add("deadLettered", type);
    if (failure?.code === "INBOX.NO_HANDLER") {
      counters.add("noHandler", type);
      warnOfUnhandled(delivery.event);
    }
    const hasFailed = kind === "failed" || kind === "undecodable";
    if (failure !== null && hasFailed) logFailure(delivery, failure);
    if (failure !== null && (hasFailed || kind === "retried")) {
      const { event } = delivery;
      notices.tell({ id: eventId ?? event.id, event, failure }, event.attemptsMade + 1, hasFailed);
    }
    if (onResult === undefined) return;
    void tell(onResult, {
      messageId: delivery.message.messageId,
      eventId,
      committed: delivery.isForgotten,
      processed: kind === "processed",
      duplicate: kind === "duplicates",
      failure,
    });
  };
}
