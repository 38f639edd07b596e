import { createEventRouter, createInboxConsumer } from "@omni-box/core";
import { createPrismaInboxRepository, type PrismaTransactionLike } from "@omni-box/prisma";
import { createRabbitMqConsumer } from "@omni-box/rabbitmq";
import { PrismaPg } from "@prisma/adapter-pg";
import { type ChannelModel, connect } from "amqplib";
import type { BenchmarkReport } from "./benchmark-report.js";
import { PrismaClient } from "./generated/client.js";
import { alternate, compared } from "./harness/alternate.js";
import { withEnvironment } from "./harness/environment.js";
import { amqpUrl, databaseUrl } from "./harness/services.js";
import type { RunOptions } from "./run-options.js";

/** Transactions open at once, the same for all that is compared. */
const concurrency = 10;
const prefetch = 200;
/** Not counted: a service runs for days, and the first thousands of messages pay for code that has not been compiled yet. */
const warmUps = 3;

const inboxMethod = `The same messages are consumed from a quorum queue, ${concurrency} transactions at once. By hand: Prisma and amqplib,
two statements in one transaction a message, then the ack.`;

/** What a way of consuming works with. */
interface Bench {
  readonly client: PrismaClient;
  readonly schema: string;
  readonly queue: string;
  readonly messages: number;
  open(): Promise<ChannelModel>;
}

/**
 * Consumes the same messages from a quorum queue in three ways, in turn: by a hand-written loop (Prisma and amqplib, two
 * statements in one transaction a message, then the ack), by the inline consumer, and by the inline consumer with 20
 * messages a transaction. Every way is held to have applied each message once.
 */
export function benchInbox({ events: messages, rounds }: RunOptions): Promise<BenchmarkReport> {
  return withEnvironment(async (environment) => {
    const lane = await environment.createLane();
    const adapter = new PrismaPg({ connectionString: databaseUrl, max: concurrency + 5 }, { schema: lane });
    const client = new PrismaClient({ adapter });
    environment.onEnd(() => client.$disconnect());
    await environment.pool.query(`CREATE TABLE "${lane}".effect (message_id text NOT NULL, note text NOT NULL)`);
    const open = () => connect(amqpUrl, { noDelay: true });
    const bench: Bench = { client, schema: lane, queue: lane, messages, open };
    const ways = {
      handWritten: () => timed(bench, consumeByHand),
      inline: () => timed(bench, consumeInline(1)),
      microBatched: () => timed(bench, consumeInline(20)),
    };
    const { handWritten, inline, microBatched } = await alternate(ways, { warmUps, rounds });
    return {
      name: "inbox",
      method: inboxMethod,
      cases: [
        compared("inline", "messages/s", { omniBox: inline, handWritten }, { of: "ratio", atLeast: 0.85 }),
        compared(
          "micro-batched, 20 a transaction",
          "messages/s",
          { omniBox: microBatched, handWritten },
          { of: "ratio", atLeast: 2.5 },
        ),
      ],
    };
  });
}

/** Fills the queue, lets it be consumed, and returns messages per second. */
async function timed(bench: Bench, consume: (bench: Bench) => Promise<void>): Promise<number> {
  const { client, schema, messages } = bench;
  await client.$executeRawUnsafe(`TRUNCATE "${schema}".inbox_event, "${schema}".effect`);
  await publishMessages(bench);
  const startedAt = performance.now();
  await consume(bench);
  const seconds = (performance.now() - startedAt) / 1_000;
  const [applied] = await client.$queryRawUnsafe<{ all: number; different: number }[]>(
    `SELECT count(*)::integer AS all, count(DISTINCT message_id)::integer AS different FROM "${schema}".effect`,
  );
  if (applied?.all !== messages || applied.different !== messages) {
    throw new Error(
      `${messages} messages were published, ${applied?.all} effects of ${applied?.different} were applied`,
    );
  }
  return messages / seconds;
}

async function publishMessages({ open, queue, messages }: Bench): Promise<void> {
  const connection = await open();
  const channel = await connection.createConfirmChannel();
  const body = Buffer.from(JSON.stringify({ customer: "Ada Lovelace", note: "x".repeat(200) }));
  for (let number = 0; number < messages; number += 1) {
    const properties = { messageId: `message-${number}`, type: "order.placed", contentType: "application/json" };
    if (!channel.publish("", queue, body, { ...properties, persistent: true })) await channel.waitForConfirms();
  }
  await channel.waitForConfirms();
  await connection.close();
}

/** What a team writes by itself: the row that recognises repetitions, the handler's write, the commit, the ack. */
async function consumeByHand({ client, schema, queue, messages, open }: Bench): Promise<void> {
  const connection = await open();
  const channel = await connection.createChannel();
  await channel.prefetch(prefetch);
  const insertRow = `
    INSERT INTO "${schema}".inbox_event (id, message_id, consumer_group, source, event_type, schema_version, topic,
      partition_key, bucket, payload, max_attempts, status, completed_at)
    VALUES (gen_random_uuid(), $1::text, 'bench', $2::text, $3::text, '1', $2::text, $1::text, 0, $4::jsonb, 10, 'completed', now())
    ON CONFLICT DO NOTHING`;
  let free = concurrency;
  const waiting: (() => void)[] = [];
  await new Promise<void>((resolve, reject) => {
    let handled = 0;
    void channel.consume(queue, async (message) => {
      if (message === null) return;
      if (free === 0) await new Promise<void>((go) => waiting.push(go));
      else free -= 1;
      try {
        const { messageId, type } = message.properties;
        await client.$transaction(async (tx) => {
          const body = message.content.toString();
          const inserted = await tx.$executeRawUnsafe(insertRow, messageId, queue, type, body);
          if (inserted === 0) return;
          await writeEffect(tx, schema, String(messageId), String(JSON.parse(body).note));
        });
        channel.ack(message);
      } catch (error) {
        reject(error);
      }
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
      handled += 1;
      if (handled === messages) resolve();
    });
  });
  await channel.close();
  await connection.close();
}

function consumeInline(batchSize: number): (bench: Bench) => Promise<void> {
  return async ({ client, schema, queue, messages, open }) => {
    const router = createEventRouter<PrismaTransactionLike>().on(
      { type: "order.placed", topic: queue },
      (event, { tx }) => writeEffect(tx, schema, event.messageId, String(event.payload.note)),
    );
    let handled = 0;
    let resolveAll: () => void = () => undefined;
    const all = new Promise<void>((resolve) => {
      resolveAll = resolve;
    });
    const inbox = createInboxConsumer({
      consumer: createRabbitMqConsumer({ connect: open, queue, declare: "check", prefetch }),
      repository: createPrismaInboxRepository(client, { schema }),
      consumerGroup: "bench",
      router,
      concurrency,
      batchSize,
      onResult: () => {
        handled += 1;
        if (handled === messages) resolveAll();
      },
    });
    await inbox.start();
    await all;
    await inbox.stop();
  };
}

async function writeEffect(tx: PrismaTransactionLike, schema: string, messageId: string, note: string): Promise<void> {
  await tx.$executeRawUnsafe(`INSERT INTO "${schema}".effect VALUES ($1::text, $2::text)`, messageId, note);
}
