import { randomUUID } from "node:crypto";
import { createEventRouter, createInboxConsumer, type InboxConsumer, type InboxConsumerOptions } from "@omni-box/core";
import { createMemoryBroker } from "@omni-box/core/testing";
import { createPrismaInboxRepository } from "@omni-box/prisma";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Prisma, PrismaClient } from "./generated/client.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";

type Tx = Prisma.TransactionClient;
type Handler = (event: { readonly key: string; readonly seq: number }, tx: Tx) => Promise<void>;

let database: TestDatabase;
const running: InboxConsumer[] = [];
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => database.empty());
afterEach(async () => {
  for (const consumer of running.splice(0)) await consumer.stop();
});

/** The application's state: the number that was written last of each key. */
const overwrite: Handler = async ({ key, seq }, tx) => {
  const written = { customer: key, totalCents: seq };
  await tx.testOrder.upsert({ where: { customer: key }, create: written, update: written });
};
const state = async () =>
  Object.fromEntries(
    (await database.prisma.testOrder.findMany()).map(({ customer, totalCents }) => [customer, totalCents]),
  );
const sequences = async () =>
  database.prisma.$queryRawUnsafe(
    `SELECT partition_key AS key, last_seq AS last FROM ${database.schema}.inbox_sequence ORDER BY partition_key`,
  );
const statuses = async () =>
  (await database.prisma.inboxEvent.findMany({ orderBy: { seq: "asc" } })).map(({ status }) => status);

/** A queue, and consumers of it that have connections of their own, as processes do. */
function openQueue() {
  const broker = createMemoryBroker();
  broker.bind("shipping.orders", "orders");
  const consume = async (
    handler: Handler,
    { prefetch = 20, ...options }: Partial<InboxConsumerOptions<Tx, undefined>> & { prefetch?: number } = {},
  ) => {
    const client = database.connect({ connections: 8 });
    const router = createEventRouter<Tx>().on({ type: "order.placed", topic: "orders" }, ({ payload }, { tx }) =>
      handler(payload as { key: string; seq: number }, tx),
    );
    const consumer = createInboxConsumer<Tx, undefined>({
      consumer: broker.consumer({ queue: "shipping.orders", prefetch }),
      repository: createPrismaInboxRepository(client, { schema: database.schema }),
      consumerGroup: "shipping",
      olderEvents: "stale",
      concurrency: 3,
      router,
      ...options,
    });
    running.push(consumer);
    await consumer.start();
    return consumer;
  };
  return {
    consume,
    send: (key: string, seq: number) =>
      broker.publishRaw("shipping.orders", {
        messageId: `${key}-${seq}`,
        topic: "orders",
        type: "order.placed",
        contentType: "application/json",
        body: Buffer.from(JSON.stringify({ key, seq })),
        headers: { "omni-partition-key": key, "omni-seq": String(seq) },
      }),
  };
}

/** Resolves when the messages have rows, all of them completed. */
const untilCompleted = (count: number) =>
  expect.poll(statuses, { timeout: 20_000 }).toEqual(Array(count).fill("completed"));

describe("events that arrive out of order", () => {
  it.each([
    ["one by one", { batchSize: 1 }],
    ["in micro-batches", { batchSize: 7 }],
    ["through the processor", { mode: "storeThenProcess" }],
  ] as const)("leave the state of the last one, at two consumers, %s", async (_name, options) => {
    const { consume, send } = openQueue();
    const applied = new Map<string, number[]>();
    const handler: Handler = async (event, tx) => {
      await overwrite(event, tx);
      const seqs = applied.get(event.key) ?? [];
      applied.set(event.key, seqs);
      seqs.push(event.seq);
    };
    await consume(handler, options);
    await consume(handler, options);
    // Each number once per key, in an order that has nothing of the numbers'.
    const keys = ["a", "b", "c"];
    for (let step = 1; step <= 37; step += 1) for (const key of keys) send(key, ((step * 16) % 37) + 1);
    await untilCompleted(3 * 37);
    expect(await state()).toEqual({ a: 37, b: 37, c: 37 });
    expect(await sequences()).toEqual(keys.map((key) => ({ key, last: 37n })));
    // No handler fails here, so each ran in a transaction that committed, and those of one key ran one after the other.
    for (const seqs of applied.values()) expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  });

  it("are all handled when nobody asked for the check, and no sequence is written", async () => {
    const { consume, send } = openQueue();
    await consume(overwrite, { olderEvents: "handle", concurrency: 1 });
    send("a", 2);
    await untilCompleted(1);
    send("a", 1);
    await untilCompleted(2);
    expect([await state(), await sequences()]).toEqual([{ a: 1 }, []]);
  });

  it("are recognised in a batch whichever of the two comes first", async () => {
    const { consume, send } = openQueue();
    const begun: string[] = [];
    const handler: Handler = async (event, tx) => {
      begun.push(`${event.key}-${event.seq}`);
      await overwrite(event, tx);
    };
    send("a", 2);
    send("b", 1);
    send("a", 1);
    send("b", 2);
    const consumer = await consume(handler, { batchSize: 10, concurrency: 1 });
    await untilCompleted(4);
    expect(begun).toEqual(["a-2", "b-1", "b-2"]);
    expect(await state()).toEqual({ a: 2, b: 2 });
    await expect.poll(() => consumer.metrics()).toMatchObject({ processed: 4, stale: 1, batchesRepeated: 0 });
  });
});

describe("two consumers that have events of one key at the same time", () => {
  it.each([
    ["commits: the older event is stale", false],
    ["fails: the older event is handled, and the newer one when it is retried", true],
  ])("let the newer one go first, which %s", async (_name, fails) => {
    const { consume, send } = openQueue();
    let release = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let failures = fails ? 1 : 0;
    const begun: number[] = [];
    const handler: Handler = async (event, tx) => {
      begun.push(event.seq);
      await overwrite(event, tx);
      if (event.seq !== 2) return;
      await released;
      if (failures-- > 0) throw new Error("not now");
    };
    // Each takes one message, so that the two are not with the same one.
    const one = { prefetch: 1, concurrency: 1, processor: { pollMinMs: 10, pollMaxMs: 50 } };
    await consume(handler, one);
    send("a", 2);
    await expect.poll(() => begun).toEqual([2]);
    await consume(handler, one);
    send("a", 1);
    const waiting = () =>
      database.prisma.$queryRawUnsafe<unknown[]>(
        "SELECT 1 AS one FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1",
        `%${database.schema}"."inbox_sequence%`,
      );
    await expect.poll(waiting).toHaveLength(1);
    expect(begun).toEqual([2]);
    release();
    await untilCompleted(2);
    expect([begun, await state()]).toEqual([fails ? [2, 1, 2] : [2], { a: 2 }]);
  });
});

describe("a handler that fails", () => {
  it("leaves the sequence as it was, and the event is stale when it comes again after a newer one", async () => {
    const { consume, send } = openQueue();
    const tried: number[] = [];
    const handler: Handler = async (event, tx) => {
      await overwrite(event, tx);
      tried.push(event.seq);
      if (event.seq === 5) throw new Error("no");
    };
    await consume(handler, { concurrency: 1, processor: false });
    send("a", 3);
    await untilCompleted(1);
    send("a", 5);
    await expect.poll(statuses).toEqual(["completed", "pending"]);
    expect([await sequences(), await state()]).toEqual([[{ key: "a", last: 3n }], { a: 3 }]);
    send("a", 4);
    await expect.poll(statuses).toEqual(["completed", "pending", "completed"]);
    send("a", 6);
    await untilCompletedBut(1, 4);
    await database.advanceTime(86_400_000);
    const processor = await consume(handler, { concurrency: 1 });
    await untilCompleted(4);
    expect([tried, await state()]).toEqual([[3, 5, 4, 6], { a: 6 }]);
    await expect.poll(() => processor.metrics().processor).toMatchObject({ completed: 1, skipped: 1 });
  });
});

const untilCompletedBut = (pending: number, count: number) =>
  expect
    .poll(async () => {
      const found = await statuses();
      return [found.length, found.filter((status) => status === "pending").length];
    })
    .toEqual([count, pending]);

describe("raising sequences", () => {
  const key = (partitionKey: string, seq: bigint) => ({
    consumerGroup: "shipping",
    topic: "orders",
    partitionKey,
    seq,
  });

  it("is one statement, however many events and keys there are", async () => {
    const sent: string[] = [];
    const client = database.connect({ connections: 1, logQueries: (sql) => sent.push(sql) });
    const events = Array.from({ length: 500 }, (_, index) => key(`k-${index % 100}`, BigInt(index)));
    await createPrismaInboxRepository(client, { schema: database.schema }).transaction(
      (tx) => tx.raiseSequences(events),
      { timeoutMs: 5_000 },
    );
    expect(sent.filter((sql) => sql.includes("inbox_sequence"))).toHaveLength(1);
  });

  it("is bounded by lockTimeoutMs, and then STORE.CONFLICT; nobody sees a changed setting afterwards", async () => {
    const client = database.connect({ connections: 1 });
    const read = async (tx: { $queryRawUnsafe: PrismaClient["$queryRawUnsafe"] }) =>
      (await tx.$queryRawUnsafe<{ now: string }[]>("SELECT current_setting('lock_timeout') AS now"))[0]?.now;
    await client.$executeRawUnsafe("SET lock_timeout = '1234ms'");
    const other = database.connect({ connections: 1 });
    const store = createPrismaInboxRepository(client, { schema: database.schema, lockTimeoutMs: 150 });
    const seen: (string | undefined)[] = [];
    // Newer, and not newer.
    for (const seq of [1n, 1n]) {
      await store.transaction(
        async (tx) => {
          await tx.raiseSequences([key("k", seq)]);
          seen.push(await read(tx.client));
        },
        { timeoutMs: 5_000 },
      );
    }
    await createPrismaInboxRepository(other, { schema: database.schema }).transaction(
      async (tx) => {
        await tx.raiseSequences([key("k", 3n)]);
        const refused = store.transaction((own) => own.raiseSequences([key("k", 2n)]), { timeoutMs: 5_000 });
        await expect(refused).rejects.toMatchObject({ code: "STORE.CONFLICT", meta: { sqlState: "55P03" } });
      },
      { timeoutMs: 5_000 },
    );
    seen.push(await read(client));
    expect(seen).toEqual(["1234ms", "1234ms", "1234ms"]);
  });

  it("takes the longest group, topic and key", async () => {
    // All different, since the index compresses repetitions.
    const letters = (from: number) =>
      String.fromCodePoint(...Array.from({ length: 255 }, (_, index) => from + 7 * index));
    const longest = { consumerGroup: letters(0x4e00), topic: "t".repeat(255), partitionKey: letters(0x6e00) };
    const raise = (seq: bigint) =>
      createPrismaInboxRepository(database.connect({ connections: 1 }), { schema: database.schema }).transaction(
        (tx) => tx.raiseSequences([{ ...longest, seq }]),
        { timeoutMs: 5_000 },
      );
    expect([await raise(2n), await raise(1n)]).toEqual([[true], [false]]);
  });

  it("of a key with quotes, braces and other signs is that of this key", async () => {
    const store = createPrismaInboxRepository(database.connect({ connections: 1 }), { schema: database.schema });
    const strange = [`{"a", \\b}`, "NULL", "", " ", randomUUID(), "'; --", "ß", "ss"];
    const raise = (seq: bigint) =>
      store.transaction((tx) => tx.raiseSequences(strange.map((name) => key(name, seq))), { timeoutMs: 5_000 });
    expect(await raise(1n)).toEqual(strange.map(() => true));
    expect(await raise(1n)).toEqual(strange.map(() => false));
    expect(await raise(2n)).toEqual(strange.map(() => true));
  });
});
