import type { InboxEvent } from "../events/inbox-event.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import type { Step } from "../pipeline/step.js";
import { deduplicateSiblings } from "./deduplicate-siblings.js";

// The kind of event is taken from where the step is used.
export const steps: readonly Step<InboxEvent>[] = [
  deduplicateSiblings({ siblingKey: ({ consumerGroup, partitionKey }) => consumerGroup + partitionKey, windowMs: 0 }),
];
export const relaySteps: readonly Step<OutboxEvent>[] = [
  deduplicateSiblings({
    siblingKey: ({ aggregateId, topic }) => (topic === "orders" ? aggregateId : null),
    maxKeys: 1,
  }),
];
// @ts-expect-error outbox events have no consumer group
export const wrong: Step<OutboxEvent> = deduplicateSiblings({ siblingKey: (event) => event.consumerGroup });
// @ts-expect-error no key
deduplicateSiblings({});
