import type {
  EventConsumer,
  EventPublisher,
  EventRepository,
  EventRouter,
  InboxEvent,
  InboxEventRepository,
  OutboxEvent,
} from "@omni-box/core";

declare const repository: EventRepository<OutboxEvent>;
declare const publisher: EventPublisher;
declare const inboxRepository: InboxEventRepository<{ readonly query: (sql: string) => Promise<void> }>;
declare const consumer: EventConsumer;
declare const router: EventRouter<{ readonly query: (sql: string) => Promise<void> }>;
declare const alarms: { send(text: string): Promise<void> };
declare const refunds: { request(orderId: string): Promise<void> };

// #region retry
import { createOutboxRelay, exponentialRetry, fixedRetry, type RetryPolicy, retryBy } from "@omni-box/core";

const retry = retryBy({
  types: {
    // A report may be late, and is given up only when it has been tried for a day.
    "report.requested": exponentialRetry({ baseMs: 60_000, maxMs: 3_600_000, minAgeMs: 86_400_000 }),
    // Nobody wants an old price.
    "price.changed": fixedRetry({ delayMs: 500, jitterMs: 500, maxAttempts: 3 }),
  },
  codes: {
    "BROKER.NACKED": exponentialRetry({ baseMs: 5_000 }),
    // The code of a foreign error, or the name of its class.
    ECONNREFUSED: fixedRetry({ delayMs: 30_000, jitterMs: 10_000 }),
  },
  otherwise: exponentialRetry(),
});

const relay = createOutboxRelay({ repository, publisher, retry });
// #endregion retry

// #region custom
const untilTheHour: RetryPolicy = {
  delayMs: (attempt, { event, failure }) => {
    if (failure.code === "QUOTA_EXCEEDED") return 3_600_000 - (Date.now() % 3_600_000);
    return event.headers.urgent === "yes" ? 100 : attempt * 1_000;
  },
};

// #endregion custom

// #region breaker
import { circuitBreaker, createInboxConsumer } from "@omni-box/core";

const paymentService = circuitBreaker<InboxEvent>({
  failureThreshold: 5,
  halfOpenAfterMs: 10_000,
  key: ({ topic }) => topic,
  onChange: ({ key, to }) => console.log(`${key} is ${to}`),
});

const shipping = createInboxConsumer({
  consumer,
  repository: inboxRepository,
  router,
  consumerGroup: "shipping",
  steps: [paymentService],
});

console.log(paymentService.snapshot());

// #endregion breaker

// #region limit
import { rateLimit } from "@omni-box/core";

const perTenant = rateLimit<OutboxEvent>({ perSecond: 20, burst: 5, key: ({ headers }) => headers.tenant ?? "" });

// #endregion limit

// #region fallback
import { fallback } from "@omni-box/core";

const refundInstead = fallback<InboxEvent>(async (event, { failure, signal }) => {
  if (event.type !== "order.paid" || signal.aborted) throw new Error(`nothing helps against ${failure.code}`);
  await refunds.request(event.partitionKey);
});
// #endregion fallback

// #region callbacks
const watched = createOutboxRelay({
  repository,
  publisher,
  onAttempts: { at: 5, call: ({ id, failure }) => alarms.send(`event ${id} has failed five times: ${failure.code}`) },
  onFailed: ({ id, failure }) => alarms.send(`event ${id} is given up: ${failure.code}`),
});
// #endregion callbacks

// @ts-expect-error the relay's events have no consumer group
createOutboxRelay({ repository, publisher, onFailed: ({ event }) => event?.consumerGroup });
// @ts-expect-error a breaker of inbox events is no step of a relay when it looks at what only they have
createOutboxRelay({ repository, publisher, steps: [circuitBreaker({ key: (event) => event.consumerGroup })] });
createOutboxRelay({ repository, publisher, steps: [circuitBreaker({ key: ({ aggregateType }) => aggregateType })] });

export const used: readonly unknown[] = [relay, untilTheHour, shipping, perTenant, refundInstead, watched];
