import {
  createOutboxRelay,
  type EventPublisher,
  type EventRepository,
  type OutboxEvent,
  type OutboxRelay,
  ownedBuckets,
  PermanentError,
  type Step,
  silentLogger,
} from "@omni-box/core";
import { createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { type ChannelModel, connect } from "amqplib";

/** Short, since each kill costs a lease and the grace. Nothing is paused here, so heartbeats do not matter. */
export const killSceneTimes = Object.freeze({ leaseMs: 1_500, takeoverGraceMs: 300, publishTimeoutMs: 700 });

/** What is different about one that is to be killed. */
export interface KillSceneRelayParts {
  readonly repository: EventRepository<OutboxEvent>;
  readonly amqpUrl: string;
  readonly exchange: string;
  readonly workerId: string;
  /** How long an event that was refused backs off; default 50 ms. */
  readonly retryDelayMs?: number;
  readonly steps?: readonly Step<OutboxEvent>[];
  readonly aroundPublisher?: (publisher: EventPublisher) => EventPublisher;
  readonly onConnection?: (connection: ChannelModel) => void;
}

/** Events of the type `refused` fail once, those of the type `hopeless` for good. */
const refuse: Step<OutboxEvent> = async (event, _context, next) => {
  if (event.type === "refused" && event.attemptsMade === 0) throw new Error("it is refused once");
  if (event.type === "hopeless") throw new PermanentError("it can never be published");
  return next();
};

/** A relay that owns buckets, with batches so small that a kill finds some events before, in and behind it. */
export function createKillSceneRelay(parts: KillSceneRelayParts): OutboxRelay {
  const { repository, amqpUrl, exchange, workerId, retryDelayMs = 50 } = parts;
  const { steps = [], aroundPublisher = same, onConnection } = parts;
  const { leaseMs, takeoverGraceMs, publishTimeoutMs } = killSceneTimes;
  const publisher = createRabbitMqPublisher({
    async connect() {
      const connection = await connect(amqpUrl, { noDelay: true, timeout: 5_000 });
      onConnection?.(connection);
      return connection;
    },
    exchange,
    logger: silentLogger,
  });
  return createOutboxRelay({
    repository,
    publisher: aroundPublisher(publisher),
    fetch: ownedBuckets({ leaseMs, takeoverGraceMs }),
    publishTimeoutMs,
    steps: [...steps, refuse],
    retry: { delayMs: () => retryDelayMs },
    batchSize: 20,
    pollMaxMs: 100,
    workerId,
    logger: silentLogger,
  });
}

const same = (publisher: EventPublisher) => publisher;
