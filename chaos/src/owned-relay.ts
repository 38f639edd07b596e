import { createOutboxRelay, type OutboxRelay, type OutboxRelayOptions, ownedBuckets } from "@omni-box/core";
import { createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { type ChannelModel, connect } from "amqplib";
import type { Database } from "./open-database.js";

/** The times that decide how long a bucket is without an owner after a fault. */
export interface OwnedRelayTimes {
  readonly leaseMs: number;
  /** How long a lease must have been over before another relay takes the bucket. */
  readonly takeoverGraceMs: number;
  readonly publishTimeoutMs: number;
  /** Of the publisher's connection: the broker closes it about three of them after its last sign of life. */
  readonly heartbeatSeconds: number;
}

/**
 * Short ones, for the fault tests. Three heartbeats are no longer than publish time-out and grace together (rule R12 of the
 * ownership protocol), so a paused relay can publish nothing late.
 */
export const shortTimes: OwnedRelayTimes = Object.freeze({
  leaseMs: 2_000,
  takeoverGraceMs: 2_300,
  publishTimeoutMs: 700,
  heartbeatSeconds: 1,
});

/** Where a relay takes its events from and brings them to. */
export interface OwnedRelayPlace {
  readonly database: Database;
  readonly amqpUrl: string;
  readonly exchange: string;
  readonly times?: OwnedRelayTimes;
  /** Called with each connection of the publisher before it is used. */
  onConnection?(connection: ChannelModel): Promise<unknown>;
}

/** A relay that owns buckets, with small batches, so that a fault finds it in the middle of one. */
export function createOwnedRelay(
  { database, amqpUrl, exchange, times = shortTimes, onConnection }: OwnedRelayPlace,
  options: Partial<OutboxRelayOptions> = {},
): OutboxRelay {
  const { leaseMs, takeoverGraceMs, publishTimeoutMs, heartbeatSeconds } = times;
  const url = `${amqpUrl}?heartbeat=${heartbeatSeconds}`;
  const { logger } = options;
  return createOutboxRelay({
    repository: database.repository,
    publisher: createRabbitMqPublisher({
      async connect() {
        const connection = await connect(url, { noDelay: true, timeout: 5_000 });
        await onConnection?.(connection);
        return connection;
      },
      exchange,
      reconnectMaxMs: 500,
      ...(logger && { logger }),
    }),
    fetch: ownedBuckets({ leaseMs, takeoverGraceMs }),
    publishTimeoutMs,
    batchSize: 50,
    pollMaxMs: 100,
    ...options,
  });
}
