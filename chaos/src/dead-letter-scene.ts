import {
  createDeadLetterPublisher,
  type DeadLetterPublisher,
  type EventAdministration,
  type EventPublisher,
  type Logger,
  type OutboxEvent,
  silentLogger,
} from "@omni-box/core";
import { createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { type ChannelModel, connect } from "amqplib";

/** How the dead-letter publishers of the fault tests differ. */
export interface SceneDeadLettersParts {
  readonly administration: EventAdministration<OutboxEvent>;
  readonly amqpUrl: string;
  readonly exchange: string;
  readonly aroundPublisher?: (publisher: EventPublisher) => EventPublisher;
  readonly onConnection?: (connection: ChannelModel) => void;
  readonly logger?: Logger;
}

/** How long letters of a process that was killed stay hidden. */
export const letterLeaseMs = 1_500;

/** A dead-letter publisher with short times, and with batches so small that a kill finds letters before, in and behind one. */
export function createSceneDeadLetters(parts: SceneDeadLettersParts): DeadLetterPublisher {
  const { administration, amqpUrl, exchange, aroundPublisher = (same) => same, onConnection } = parts;
  const { logger = silentLogger } = parts;
  const publisher = createRabbitMqPublisher({
    async connect() {
      const connection = await connect(amqpUrl, { noDelay: true, timeout: 5_000 });
      onConnection?.(connection);
      return connection;
    },
    exchange,
    reconnectMaxMs: 500,
    logger: silentLogger,
  });
  return createDeadLetterPublisher({
    administration,
    publisher: aroundPublisher(publisher),
    batchSize: 5,
    leaseMs: letterLeaseMs,
    publishTimeoutMs: letterLeaseMs / 2,
    pollMaxMs: 100,
    retry: { delayMs: () => 200 },
    logger,
  });
}
