import type { DeliveryStrategy } from "./inbox-consumer-verdict.js";
import type { StoreMessage } from "./store-message.js";
import { pendingRow } from "./store-row.js";

/** Acknowledges a message when it is stored; the processor handles it. */
export function onPersist(store: StoreMessage): DeliveryStrategy {
  return {
    attemptsMade: () => 0,
    handle: (delivery) => store(delivery, pendingRow(delivery), { counters: ["stored"], failure: null }),
  };
}
