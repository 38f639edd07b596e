import type { FailureDescription } from "../errors/describe-failure.js";
import type { ConsumerCapabilities } from "../protocols/event-consumer.js";
import type { Delivery } from "./inbox-consumer-delivery.js";
import type { Verdict } from "./inbox-consumer-verdict.js";
import type { StoreMessage } from "./store-message.js";
import { failedRow } from "./store-row.js";

/**
 * Keeps a message that cannot be handled as a failed row, for people to look at. A body that is too large goes where the broker
 * keeps dead letters, if it does, and else into the row.
 */
export function createStoreUndecodable(
  store: StoreMessage,
  capabilities: ConsumerCapabilities,
  messageMaxBytes: number,
): (delivery: Delivery, failure: FailureDescription) => Promise<Verdict> {
  return (delivery, failure) => {
    const row = failedRow(delivery, failure);
    const storedAs = { counters: ["undecodable"], failure } as const;
    if (delivery.message.body.byteLength <= messageMaxBytes || !capabilities.deadLetters)
      return store(delivery, row, storedAs);
    const withoutBody = { ...row, draft: { ...row.draft, body: null } };
    return store(delivery, withoutBody, { ...storedAs, settle: "deadLetter" });
  };
}
