import { randomUUID } from "node:crypto";
import amqp, { type Channel, type ConsumeMessage } from "amqplib";

/** The broker that all tests share; publishers get the short heartbeat that the documentation asks for. */
export const amqpUrl = withHeartbeat(process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672");

/** A way into a broker that is independent of what is being tested. Everything made through it has a unique name. */
export interface TestBroker {
  readonly url: string;
  readonly channel: Channel;
  /** A name that nothing else uses; what is created under it is deleted by `close`. */
  newName(kind: "exchange" | "queue"): string;
  createExchange(): Promise<string>;
  /** Makes a quorum queue bound to the exchange, unless told otherwise. */
  createQueue(exchange: string, options?: QueueOptions): Promise<string>;
  /** Collects everything that arrives in a queue. */
  collect(queue: string): Promise<MessageCollector>;
  /** Deletes everything that was made through it, unless the connection is gone. */
  close(): Promise<void>;
}

export interface QueueOptions {
  readonly routingKey?: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
}

/** What has arrived in a queue so far. */
export interface MessageCollector {
  readonly messages: readonly ConsumeMessage[];
  /** Resolves when at least `count` messages are there; rejects when they are not after ten seconds. */
  waitFor(count: number): Promise<readonly ConsumeMessage[]>;
  /** Resolves when a message of every id is there, with the ids in the order of their first arrivals; rejects likewise. */
  waitForIds(ids: readonly string[]): Promise<readonly string[]>;
}

export async function openTestBroker(url: string = amqpUrl): Promise<TestBroker> {
  const connection = await amqp.connect(url);
  let isAlive = true;
  // A broker that goes away takes this connection with it; without a listener that would end the test run.
  for (const event of ["error", "close"]) {
    connection.on(event, () => {
      isAlive = false;
    });
  }
  const channel = await connection.createChannel();
  const names = { exchange: new Set<string>(), queue: new Set<string>() };

  function newName(kind: "exchange" | "queue"): string {
    const name = `omni-box-test.${kind}.${randomUUID()}`;
    names[kind].add(name);
    return name;
  }

  return {
    url,
    channel,
    newName,
    async createExchange() {
      const exchange = newName("exchange");
      await channel.assertExchange(exchange, "topic", { durable: true });
      return exchange;
    },
    async createQueue(exchange, options = {}) {
      const queue = newName("queue");
      await channel.assertQueue(queue, {
        durable: true,
        arguments: { "x-queue-type": "quorum", ...options.arguments },
      });
      await channel.bindQueue(queue, exchange, options.routingKey ?? "#");
      return queue;
    },
    async collect(queue) {
      const messages: ConsumeMessage[] = [];
      const ids = new Set<string>();
      const waiting = new Set<() => void>();
      const wait = (isComplete: () => boolean) => waitUntil(isComplete, waiting, () => messages.length);
      await channel.consume(
        queue,
        (message) => {
          if (message === null) return;
          messages.push(message);
          ids.add(String(message.properties.messageId));
          for (const check of waiting) check();
        },
        { noAck: true },
      );
      return {
        messages,
        async waitFor(count) {
          await wait(() => messages.length >= count);
          return messages;
        },
        async waitForIds(wanted) {
          await wait(() => wanted.every((id) => ids.has(id)));
          return [...ids];
        },
      };
    },
    async close() {
      if (!isAlive) return;
      for (const queue of names.queue) await channel.deleteQueue(queue);
      for (const exchange of names.exchange) await channel.deleteExchange(exchange);
      await connection.close();
    },
  };
}

/** The same URL with a short heartbeat and, if given, through another port. */
export function withHeartbeat(url: string, port?: number): string {
  const result = new URL(url);
  result.searchParams.set("heartbeat", "3");
  if (port !== undefined) {
    result.hostname = "127.0.0.1";
    result.port = String(port);
  }
  return result.href;
}

function waitUntil(isComplete: () => boolean, waiting: Set<() => void>, arrived: () => number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      waiting.delete(check);
      reject(new Error(`not everything arrived within 30 s, only ${arrived()} messages`));
    }, 30_000);
    const check = () => {
      if (!isComplete()) return;
      clearTimeout(timer);
      waiting.delete(check);
      resolve();
    };
    waiting.add(check);
    check();
  });
}
