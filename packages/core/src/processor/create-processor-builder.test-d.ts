import type { BaseEvent, OutboxEvent } from "../events/outbox-event.js";
import { outcome } from "../pipeline/outcome.js";
import type { EventHandler, Step } from "../pipeline/step.js";
import type { EventRepository } from "../protocols/event-repository.js";
import type { OutboxEventRepository } from "../protocols/outbox-event-repository.js";
import { createProcessorBuilder } from "./create-processor-builder.js";
import { leased } from "./leased.js";

interface InvoiceEvent extends BaseEvent {
  readonly invoiceNumber: number;
}

declare const outboxRepository: OutboxEventRepository<{ readonly execute: () => void }>;
declare const invoiceRepository: EventRepository<InvoiceEvent>;

const anyEvent: Step<BaseEvent> = (_event, _context, next) => next();
const invoicesOnly: Step<InvoiceEvent> = async (event, _context, next) =>
  event.invoiceNumber > 0 ? next() : outcome.failed("no number");
const outboxHandler: EventHandler<OutboxEvent> = {
  name: "h",
  requiredLeaseMs: 1,
  handle: async ({ aggregateId }) => outcome.completed(aggregateId),
};

// The kind of event is taken from the repository; steps for any event fit too.
const processor = createProcessorBuilder(outboxRepository)
  .fetch(leased())
  .use(anyEvent, async ({ aggregateType }, _context, next) => (aggregateType === "" ? outcome.failed("x") : next()))
  .handle(outboxHandler)
  .build();
const results = (await processor.processBatch({ workerId: "w", batchSize: 1 })).results;
export const aggregateIds: readonly string[] = results.map(({ event }) => event.aggregateId);

const invoices = createProcessorBuilder(invoiceRepository).use(anyEvent, invoicesOnly);
// @ts-expect-error a handler of other events
invoices.handle(outboxHandler);
// @ts-expect-error a step of other events
createProcessorBuilder(outboxRepository).use(invoicesOnly);
// @ts-expect-error a step must answer with an outcome
invoices.use(async () => "completed");
// @ts-expect-error nor may it answer with nothing
invoices.use(async (_event, _context, next) => {
  await next();
});
// @ts-expect-error a batch needs a worker
processor.processBatch({ batchSize: 1 });
// @ts-expect-error a filter that does not exist
processor.processBatch({ workerId: "w", batchSize: 1, filters: { topic: ["orders"] } });
