import { createInboxConsumer, type InboxConsumer } from "../src/inbox/create-inbox-consumer.js";
import type { InboxConsumeResult } from "../src/inbox/inbox-consume-result.js";
import type { InboxConsumerOptions } from "../src/inbox/inbox-consumer-options.js";
import type { EventConsumer } from "../src/protocols/event-consumer.js";
import { createEventRouter } from "../src/routing/create-event-router.js";
import type { HandlerFunction } from "../src/routing/event-router.js";
import { createManualClock } from "../src/testing/manual-clock.js";
import { createMemoryBroker } from "../src/testing/memory-broker.js";
import type { MemoryConsumerOptions } from "../src/testing/memory-consumer.js";
import type { MemoryMessage } from "../src/testing/memory-delivery-queue.js";
import { createMemoryInboxRepository } from "../src/testing/memory-inbox-repository.js";
import type { MemoryTransaction } from "../src/testing/memory-transaction.js";
import { captureLogger } from "./captured-logger.js";
import { driveUntil, driveUntilSettled } from "./drive-clock.js";
import { observeInbox } from "./inbox-observed-repository.js";

const queue = "shipping.orders";

/** The application's handler of the fixture; it is called before the fixture's own effect is added. */
export type FixtureHandler = HandlerFunction<"order.placed", unknown, MemoryTransaction, undefined>;

/** What a fixture is made of, beside the options of its inbox consumers. */
export interface InboxFixtureOptions
  extends Partial<Omit<InboxConsumerOptions<MemoryTransaction, undefined>, "consumer">> {
  readonly broker?: Omit<MemoryConsumerOptions, "queue">;
  readonly lockTimeoutMs?: number;
}

/**
 * Inbox consumers between an in-memory broker and an in-memory store, all on one manual clock. The effect of a handled message
 * is its message id in `effects`, once for each commit.
 */
export function createInboxFixture(options: InboxFixtureOptions = {}, handler: FixtureHandler = () => undefined) {
  const { broker: consumerOptions, lockTimeoutMs, ...given } = options;
  const clock = createManualClock();
  const repository = observeInbox(createMemoryInboxRepository({ clock, lockTimeoutMs }));
  const broker = createMemoryBroker({ clock });
  broker.bind(queue, "orders");
  const logger = captureLogger();
  const effects: string[] = [];
  const begun: string[] = [];
  const results: InboxConsumeResult[] = [];
  const router = createEventRouter<MemoryTransaction>().on(
    { type: "order.placed", topic: "orders" },
    async (event, context) => {
      begun.push(event.messageId);
      const said = await handler(event, context);
      const isCompleted = said === undefined || said.status === "completed";
      if (isCompleted) context.tx.onCommit(() => void effects.push(event.messageId));
      return said;
    },
  );

  const eventConsumers = new WeakMap<InboxConsumer, EventConsumer>();

  function consumerWith(
    changes: InboxFixtureOptions = {},
    wrap: (given: EventConsumer) => EventConsumer = (eventConsumer) => eventConsumer,
  ): InboxConsumer {
    const { broker: changedBroker, lockTimeoutMs: _unused, ...changed } = changes;
    const eventConsumer = wrap(broker.consumer({ queue, ...consumerOptions, ...changedBroker }));
    const consumer = createInboxConsumer<MemoryTransaction, undefined>({
      repository,
      clock,
      logger,
      router,
      consumerGroup: "shipping",
      onResult: (result) => void results.push(result),
      ...given,
      ...changed,
      consumer: eventConsumer,
    });
    eventConsumers.set(consumer, eventConsumer);
    return consumer;
  }

  return {
    clock,
    repository,
    broker,
    logger,
    /** Message ids whose effects are committed, in order of the commits. */
    effects,
    /** Message ids whose handler was called, in order. */
    begun,
    results,
    consumer: consumerWith(),
    /** Another one, as in a process of its own. */
    consumerWith,
    /** One whose way to the broker behaves differently. */
    consumerOver: (wrap: (given: EventConsumer) => EventConsumer) => consumerWith({}, wrap),
    /** Cuts an inbox consumer off the broker for good, as the death of its process does: what it has in hand is delivered again. */
    cutOff: (consumer: InboxConsumer) => void eventConsumers.get(consumer)?.stop({ timeoutMs: 0 }),
    /** Sends a message of a foreign sender. */
    send: (messageId: string, changes: Partial<MemoryMessage> = {}) =>
      broker.publishRaw(queue, {
        messageId,
        topic: "orders",
        type: "order.placed",
        contentType: "application/json",
        body: Buffer.from('{"total":1}'),
        ...changes,
      }),
    ready: () => broker.countReady(queue),
    deadLetters: () => broker.deadLetters(queue),
    /** Message id, status, attempts made and error of each row. */
    rows: () => repository.all().map(({ messageId, status, attemptsMade }) => ({ messageId, status, attemptsMade })),
    /** Moves the clock on until the promise has settled. */
    settle: <T>(promise: Promise<T>, stepMs = 10) => driveUntilSettled(clock, promise, { stepMs }),
    /** Moves the clock on until something has become true. */
    until: (isTrue: () => boolean, stepMs = 10) => driveUntil(clock, isTrue, { stepMs }),
    /** Lets everything run that needs no time. */
    breathe: async () => {
      for (let turn = 0; turn < 5; turn += 1) await clock.advance(0);
    },
  };
}

/** The header by which a foreign sender names the key whose events have to stay in order. */
export function keyed(partitionKey: string): Partial<MemoryMessage> {
  return { headers: { "omni-partition-key": partitionKey } };
}
