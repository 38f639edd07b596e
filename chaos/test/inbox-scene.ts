import { randomBytes } from "node:crypto";
import { eventHeaders } from "@omni-box/core";
import { connect } from "amqplib";
import { createTables, type Database, dropTables, openDatabase } from "../src/open-database.js";
import { sharedAmqpUrl, databaseUrl as sharedDatabaseUrl } from "./chaos-scene.js";
import { startWorkerProcess, type WorkerProcess } from "./worker-process.js";

/** A message of the fault tests; the rest as in the handler's payload. */
export interface SceneMessage {
  readonly id: string;
  readonly kills?: number;
  readonly fails?: number;
  readonly isHopeless?: boolean;
  /** Characters that make its body larger. */
  readonly padding?: number;
  /** Its partition key; default its id. */
  readonly key?: string;
}

/** A database schema and the name of an exchange and a queue, for consumers of one test. */
export interface InboxScene {
  /** Of the schema, the exchange, the topic and the first queue. */
  readonly name: string;
  readonly amqpUrl: string;
  readonly databaseUrl: string;
  readonly database: Database;
  /** Starts a consumer process; resolves when it is running, or has ended already. */
  startWorker(behaviour: string): Promise<WorkerProcess>;
  /** Publishes messages to the exchange and waits for the broker's confirms. */
  publish(messages: readonly SceneMessage[]): Promise<void>;
  /** How often the effect of each message has been committed. */
  effects(): Promise<Readonly<Record<string, number>>>;
  /** Inbox rows by status, and the attempts spent on them. */
  rows(): Promise<readonly { status: string; events: number; attempts: number }[]>;
  /** Messages in a queue that nobody holds. */
  ready(queue?: string): Promise<number>;
  close(): Promise<void>;
}

/** Where a scene plays, if not on the shared servers. */
export interface InboxSceneOptions {
  readonly amqpUrl?: string;
  readonly databaseUrl?: string;
}

export async function openInboxScene(options: InboxSceneOptions = {}): Promise<InboxScene> {
  const { amqpUrl = sharedAmqpUrl, databaseUrl = sharedDatabaseUrl } = options;
  const name = `chaos_inbox_${randomBytes(5).toString("hex")}`;
  const database = openDatabase(databaseUrl, name);
  await createTables(database);
  const workers: WorkerProcess[] = [];

  return {
    name,
    amqpUrl,
    databaseUrl,
    database,
    async startWorker(behaviour) {
      const worker = startWorkerProcess("inbox-worker.js", [databaseUrl, name, amqpUrl, name, behaviour]);
      workers.push(worker);
      await worker.said("running");
      return worker;
    },
    async publish(messages) {
      const connection = await connect(amqpUrl);
      const channel = await connection.createConfirmChannel();
      for (const { id, key = id, padding = 0, ...payload } of messages) {
        const body = JSON.stringify({ ...payload, padding: "x".repeat(padding) });
        channel.publish(name, name, Buffer.from(body), {
          headers: { [eventHeaders.partitionKey]: key },
          messageId: id,
          type: "thing.happened",
          contentType: "application/json",
          persistent: true,
          mandatory: true,
        });
      }
      await channel.waitForConfirms();
      await connection.close();
    },
    async effects() {
      const rows = await database.client.$queryRawUnsafe<{ message_id: string; times: number }[]>(
        `SELECT message_id, count(*)::integer AS times FROM "${name}".effect GROUP BY message_id ORDER BY message_id`,
      );
      return Object.fromEntries(rows.map(({ message_id, times }) => [message_id, times]));
    },
    rows: () =>
      database.client.$queryRawUnsafe(
        `SELECT status, count(*)::integer AS events, sum(attempts_made)::integer AS attempts
         FROM "${name}".inbox_event GROUP BY status ORDER BY status`,
      ),
    async ready(queue = name) {
      const connection = await connect(amqpUrl);
      const channel = await connection.createChannel();
      const { messageCount } = await channel.checkQueue(queue);
      await connection.close();
      return messageCount;
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.kill()));
      const connection = await connect(amqpUrl);
      const channel = await connection.createChannel();
      for (const queue of [name, ...fourQueues(name)]) {
        await channel.deleteQueue(queue);
        await channel.deleteQueue(`${queue}.dead`);
        await channel.deleteExchange(`${queue}.dead`);
      }
      await channel.deleteExchange(name);
      await connection.close();
      await dropTables(database);
    },
  };
}

/** Names of queues beside the first one, for tests with several. */
export function fourQueues(name: string): readonly string[] {
  return [1, 2, 3, 4].map((number) => `${name}.${number}`);
}

/** One message each with these ids. */
export function messagesOf(prefix: string, count: number): readonly SceneMessage[] {
  return Array.from({ length: count }, (_, index) => ({ id: `${prefix}-${String(index + 1).padStart(4, "0")}` }));
}

/** What `effects()` has to answer when each message was applied exactly once. */
export function onceEach(messages: readonly SceneMessage[]): Readonly<Record<string, number>> {
  return Object.fromEntries(messages.map(({ id }) => [id, 1]));
}
