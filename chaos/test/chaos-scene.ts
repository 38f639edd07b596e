import { randomBytes } from "node:crypto";
import { eventHeaders } from "@omni-box/core";
import { type Channel, type ConsumeMessage, connect } from "amqplib";
import { createTables, type Database, dropTables, openDatabase } from "../src/open-database.js";
import type { Delivery } from "./order-checker.js";

export const databaseUrl = process.env.DATABASE_URL ?? "postgresql://postgres@127.0.0.1:5432/postgres";
export const sharedAmqpUrl = process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672";

/** A database schema, an exchange and a quorum queue of one test's own. */
export interface ChaosScene {
  readonly amqpUrl: string;
  /** Of the schema, the exchange, the queue and the topic. */
  readonly name: string;
  readonly database: Database;
  /** Begins to take messages out of the queue. */
  consume(): Promise<Arrivals>;
  close(): Promise<void>;
}

/** The messages that arrived. */
export interface Arrivals {
  /** Message ids in the order of arrival, repeated ones included; grows. */
  readonly ids: readonly string[];
  /** The same, whole. */
  readonly messages: readonly ConsumeMessage[];
  /** The same, with what their headers say. */
  readonly deliveries: readonly Delivery[];
  /** Resolves when at least `count` messages have arrived. */
  atLeast(count: number): Promise<void>;
  /** Resolves when each of the ids has arrived. */
  allOf(ids: readonly string[]): Promise<void>;
  end(): Promise<void>;
}

export async function openScene(amqpUrl: string = sharedAmqpUrl): Promise<ChaosScene> {
  const name = `chaos_${randomBytes(5).toString("hex")}`;
  const database = openDatabase(databaseUrl, name);
  await createTables(database);
  await withChannel(amqpUrl, async (channel) => {
    await channel.assertExchange(name, "direct");
    await channel.assertQueue(name, { durable: true, arguments: { "x-queue-type": "quorum" } });
    await channel.bindQueue(name, name, name);
  });
  return {
    amqpUrl,
    name,
    database,
    consume: () => consume(amqpUrl, name),
    async close() {
      await withChannel(amqpUrl, async (channel) => {
        await channel.deleteQueue(name);
        await channel.deleteExchange(name);
      });
      await dropTables(database);
    },
  };
}

async function withChannel(url: string, work: (channel: Channel) => Promise<void>): Promise<void> {
  const connection = await connect(url);
  await work(await connection.createChannel());
  await connection.close();
}

async function consume(url: string, queue: string): Promise<Arrivals> {
  const connection = await connect(url);
  const channel = await connection.createChannel();
  const ids: string[] = [];
  const messages: ConsumeMessage[] = [];
  const deliveries: Delivery[] = [];
  const waiting = new Set<() => void>();
  await channel.consume(
    queue,
    (message) => {
      if (message === null) return;
      const messageId = String(message.properties.messageId);
      const { [eventHeaders.partitionKey]: partitionKey = "", [eventHeaders.seq]: seq = -1 } =
        message.properties.headers ?? {};
      ids.push(messageId);
      messages.push(message);
      deliveries.push({ messageId, partitionKey: String(partitionKey), seq: BigInt(seq) });
      for (const check of waiting) check();
    },
    { noAck: true },
  );
  const until = (condition: () => boolean) =>
    new Promise<void>((resolve) => {
      const check = () => {
        if (!condition()) return;
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return {
    ids,
    messages,
    deliveries,
    atLeast: (count) => until(() => ids.length >= count),
    allOf(wanted) {
      const missing = new Set(wanted);
      let seen = 0;
      return until(() => {
        for (; seen < ids.length; seen += 1) missing.delete(ids[seen] ?? "");
        return missing.size === 0;
      });
    },
    end: () => connection.close(),
  };
}
