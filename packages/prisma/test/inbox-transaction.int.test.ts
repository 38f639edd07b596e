import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import type { InboxTransaction } from "@omni-box/core";
import { createPrismaInboxRepository, type PrismaInboxRepositoryOptions } from "@omni-box/prisma";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Prisma, PrismaClient } from "./generated/client.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { deliveredAgain, pendingRow, refOfMessage, sampleMessage, sampleMessages } from "./sample-message.js";

type Tx = InboxTransaction<Prisma.TransactionClient>;

let database: TestDatabase;
let handlers: PrismaClient;
beforeAll(async () => {
  database = await openTestDatabase();
  handlers = database.connect({ connections: 6 });
  await database.prisma.$executeRawUnsafe(
    `CREATE TABLE ${database.schema}.late_check (name text UNIQUE DEFERRABLE INITIALLY DEFERRED)`,
  );
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const timeoutMs = 10_000;
const insert = { behindPending: "insert" } as const;
const repository = (options: PrismaInboxRepositoryOptions = {}, client = handlers) =>
  createPrismaInboxRepository(client, { schema: database.schema, ...options });
const order = (customer: string = randomUUID()) => ({ data: { customer, totalCents: 1 } });
const sql = (text: string) => text.replaceAll("$schema", database.schema);
const counts = async () => ({
  orders: await database.prisma.testOrder.count(),
  messages: await database.prisma.inboxEvent.count(),
});
const nothing = { orders: 0, messages: 0 };

/** Handles one message with `handler`, as the inline consumer does. */
function handle(
  handler: (tx: Prisma.TransactionClient, box: Tx) => Promise<unknown>,
  {
    draft = sampleMessage(),
    ...options
  }: PrismaInboxRepositoryOptions & { draft?: ReturnType<typeof sampleMessage> } = {},
) {
  return repository(options).transaction(
    async (tx) => {
      const [answer] = await tx.insertCompleted([draft], insert);
      await handler(tx.client, tx);
      return answer;
    },
    { timeoutMs },
  );
}

const waiting = (count = 1) =>
  expect
    .poll(() =>
      database.prisma.$queryRawUnsafe(
        "SELECT 1 AS one FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1",
        `%${database.schema}%`,
      ),
    )
    .toHaveLength(count);

describe("a handler that lets no error out", () => {
  it("but had a statement refused is INBOX.TRANSACTION_ABORTED, and nothing is left of it", async () => {
    const swallowing = handle(async (tx) => {
      await tx.testOrder.create(order());
      await tx.$executeRawUnsafe("SELECT 1 / 0").catch(() => "ignored");
    });
    await expect(swallowing).rejects.toMatchObject({ code: "INBOX.TRANSACTION_ABORTED" });
    expect(await counts()).toEqual(nothing);
  });

  it("is the same in a transaction that ends with complete", async () => {
    const store = repository();
    await store.store([pendingRow(sampleMessage())]);
    const token = randomUUID();
    const [event] = await store.claim({ token, workerId: "w", leaseMs: 60_000, limit: 1 });
    if (event === undefined) throw new Error("nothing was claimed");
    const swallowing = store.transaction(
      async (tx) => {
        await tx.client.$executeRawUnsafe("SELECT 1 / 0").catch(() => "ignored");
        return tx.complete({ kind: "lease", token }, refOfMessage(event));
      },
      { timeoutMs },
    );
    await expect(swallowing).rejects.toMatchObject({ code: "INBOX.TRANSACTION_ABORTED" });
    expect(await store.findById(event.id)).toMatchObject({ status: "pending" });
  });

  it("may contain the error in a nested transaction", async () => {
    await handle(async (tx) => {
      await tx.$transaction((nested) => nested.$executeRawUnsafe("SELECT 1 / 0")).catch(() => "ignored");
      await tx.testOrder.create(order());
    });
    expect(await counts()).toEqual({ orders: 1, messages: 1 });
  });
});

describe("an error of the handler's own", () => {
  it("comes back as it is, and one of its statements without words that could show values", async () => {
    await database.prisma.testOrder.create(order("Ada"));
    const refused = [
      handle((tx) => tx.testOrder.create(order("Ada"))),
      handle((tx) => tx.$executeRawUnsafe("SELECT $1::text::integer", "Ada")),
      handle((tx) => tx.testOrder.create({ data: { customer: "Ada", totalCents: "Ada" as unknown as number } })),
    ];
    for (const attempt of await Promise.allSettled(refused)) {
      expect(attempt).toMatchObject({
        status: "rejected",
        reason: { code: "INBOX.STATEMENT_FAILED", retryable: true },
      });
      expect(inspect(attempt, { depth: 10 })).not.toContain("Ada");
    }
    const own = new Error("connect ECONNREFUSED 10.0.0.1:443");
    await expect(handle(async () => Promise.reject(own))).rejects.toBe(own);
    expect(await counts()).toEqual({ orders: 1, messages: 0 });
  });

  it.each([
    ["53400", "a limit that it reached"],
    ["53200", "memory that it lacked"],
    ["58P01", "a file that it asked for"],
    ["08001", "a foreign server that it asked"],
  ])("is INBOX.STATEMENT_FAILED for SQLSTATE %s, %s, since the connection is alive", async (sqlState) => {
    const refused = handle(async (tx) => {
      await tx.testOrder.create(order());
      await tx.$executeRawUnsafe(`DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '${sqlState}'; END $$`);
    });
    await expect(refused).rejects.toMatchObject({
      code: "INBOX.STATEMENT_FAILED",
      retryable: true,
      meta: { sqlState },
    });
    expect(await counts()).toEqual(nothing);
  });

  it("is INBOX.STATEMENT_FAILED when a query of its own outgrows temp_file_limit", async () => {
    const refused = handle(async (tx) => {
      await tx.$executeRawUnsafe("SET LOCAL work_mem = 64");
      await tx.$executeRawUnsafe("SET LOCAL temp_file_limit = 64");
      await tx.$queryRawUnsafe("SELECT 1 FROM generate_series(1, 50000) AS n ORDER BY random() LIMIT 1 OFFSET 40000");
    });
    await expect(refused).rejects.toMatchObject({ code: "INBOX.STATEMENT_FAILED", meta: { sqlState: "53400" } });
  });

  it("names the constraint when that is checked only by the commit", async () => {
    const name = randomUUID();
    const write = (tx: Prisma.TransactionClient) =>
      tx.$executeRawUnsafe(sql("INSERT INTO $schema.late_check VALUES ($1)"), name);
    await handle(write);
    const error = await handle(write).then(
      () => expect.unreachable("the constraint was not checked"),
      (thrown: Error) => thrown,
    );
    expect(error).toMatchObject({ code: "INBOX.STATEMENT_FAILED", meta: { sqlState: "23505" } });
    expect(await counts()).toEqual({ orders: 0, messages: 1 });
  });
});

describe("a collision is STORE.CONFLICT", () => {
  it("when the handlers of two messages deadlock: one commits, the other is told to run again", async () => {
    for (const customer of ["a", "b"]) await database.prisma.testOrder.create(order(customer));
    const raise = (customer: string) => ({ where: { customer }, data: { totalCents: { increment: 1 } } });
    const both: (() => void)[] = [];
    const met = new Promise<void>((resolve) => both.push(resolve));
    let arrived = 0;
    const crossing = (first: string, second: string) =>
      handle(async (tx) => {
        await tx.testOrder.update(raise(first));
        arrived += 1;
        if (arrived === 2) for (const go of both) go();
        await met;
        await tx.testOrder.update(raise(second));
      });
    const results = await Promise.allSettled([crossing("a", "b"), crossing("b", "a")]);
    expect(results.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(results.find(({ status }) => status === "rejected")).toMatchObject({
      reason: { code: "STORE.CONFLICT", meta: { sqlState: "40P01" } },
    });
    expect(await database.prisma.inboxEvent.count()).toBe(1);
  });

  it("when a statement cannot be serialized, in the isolation level that was asked for", async () => {
    await database.prisma.testOrder.create(order("a"));
    const conflicting = handle(
      async (tx) => {
        const [level] = await tx.$queryRawUnsafe<{ level: string }[]>(
          "SELECT current_setting('transaction_isolation') AS level",
        );
        expect(level).toEqual({ level: "repeatable read" });
        await database.prisma.testOrder.updateMany({ data: { totalCents: 2 } });
        await tx.testOrder.updateMany({ data: { totalCents: 3 } });
      },
      { transaction: { isolationLevel: "RepeatableRead" } },
    );
    await expect(conflicting).rejects.toMatchObject({ code: "STORE.CONFLICT", meta: { sqlState: "40001" } });
  });

  it("when only the commit finds out, under Serializable", async () => {
    const serializable = { transaction: { isolationLevel: "Serializable" } } as const;
    const conflicting = handle(async (tx) => {
      await tx.testOrder.count();
      await tx.testOrder.create(order());
      // Another one that read before this one commits, and commits first: neither could have come first.
      await handle(async (other) => {
        await other.testOrder.count();
        await other.testOrder.create(order());
      }, serializable);
    }, serializable);
    await expect(conflicting).rejects.toMatchObject({ code: "STORE.CONFLICT", meta: { sqlState: "40001" } });
    expect(await counts()).toEqual({ orders: 1, messages: 1 });
  });

  it("when the duplicate was committed after the snapshot of RepeatableRead was taken", async () => {
    const draft = sampleMessage();
    let second: Promise<unknown> = Promise.resolve();
    await handle(
      async () => {
        const settings = { draft: deliveredAgain(draft), transaction: { isolationLevel: "RepeatableRead" } } as const;
        second = expect(handle(async () => undefined, settings)).rejects.toMatchObject({
          code: "STORE.CONFLICT",
          meta: { sqlState: "40001" },
        });
        await waiting();
      },
      { draft },
    );
    await second;
  });
});

describe("the wait for a transaction that holds the same message", () => {
  it("is bounded by lockTimeoutMs, in a transaction as in store, and then STORE.CONFLICT", async () => {
    const draft = sampleMessage();
    const options = { lockTimeoutMs: 150 };
    await handle(
      async () => {
        const startedAt = performance.now();
        const attempts = [
          handle(async () => undefined, { draft: deliveredAgain(draft), ...options }),
          repository(options).store([pendingRow(deliveredAgain(draft))]),
          repository(options).store([pendingRow(sampleMessage()), pendingRow(deliveredAgain(draft))]),
        ];
        const isBusy = { code: "STORE.CONFLICT", meta: { sqlState: "55P03" } };
        await Promise.all(attempts.map((attempt) => expect(attempt).rejects.toMatchObject(isBusy)));
        expect(performance.now() - startedAt).toBeLessThan(3_000);
      },
      { draft },
    );
    expect(await counts()).toEqual({ orders: 0, messages: 1 });
  });

  it("changes no setting that the handler or the next user of the connection sees", async () => {
    const single = database.connect({ connections: 1 });
    const read = async (client: { $queryRawUnsafe: PrismaClient["$queryRawUnsafe"] }) =>
      (await client.$queryRawUnsafe<{ now: string }[]>("SELECT current_setting('lock_timeout') AS now"))[0]?.now;
    await single.$executeRawUnsafe("SET lock_timeout = '1234ms'");
    const store = repository({ lockTimeoutMs: 777 }, single);
    const seen: (string | undefined)[] = [];
    const draft = sampleMessage();
    // Inserted, several, and a duplicate of which nothing is inserted.
    for (const drafts of [[draft], sampleMessages(3), [deliveredAgain(draft)]]) {
      await store.transaction(
        async (tx) => {
          const messages = await tx.insertCompleted(drafts, insert);
          // Where everything is a duplicate no handler follows, and the setting ends with the transaction.
          if (messages.some(({ kind }) => kind === "stored")) seen.push(await read(tx.client));
        },
        { timeoutMs },
      );
      seen.push(await read(single));
    }
    await store.store([pendingRow(sampleMessage())]);
    seen.push(await read(single));
    expect(seen).toEqual(Array(6).fill("1234ms"));
  });

  it("never ends in a deadlock of two bulk inserts in opposite order, whose seq still is in the order given", async () => {
    for (let round = 0; round < 15; round += 1) {
      const drafts = sampleMessages(60);
      const reversed = drafts.map(deliveredAgain).reverse();
      const calls = [drafts, reversed];
      const [answers] = await Promise.all([
        Promise.all(calls.map((given) => repository().store(given.map((draft) => pendingRow(draft))))),
        handle(async () => undefined, { draft: deliveredAgain(drafts[30] ?? sampleMessage()) }),
      ]);
      for (const stored of answers) {
        const ids = stored.flatMap((answer) => (answer.kind === "stored" ? [answer.id] : []));
        const rows = await database.prisma.inboxEvent.findMany({
          where: { id: { in: ids } },
          orderBy: { seq: "asc" },
        });
        expect(rows.map(({ id }) => id)).toEqual(ids);
      }
    }
    expect(await database.prisma.inboxEvent.count()).toBe(15 * 60);
  });
});

describe("a handler that ends the transaction itself", () => {
  it("by ROLLBACK is INBOX.TRANSACTION_ABORTED, not a success", async () => {
    const ended = handle((tx) => tx.$executeRawUnsafe("ROLLBACK"));
    await expect(ended).rejects.toMatchObject({ code: "INBOX.TRANSACTION_ABORTED" });
    expect(await counts()).toEqual({ orders: 0, messages: 0 });
  });

  it.each(["COMMIT", "COMMIT AND CHAIN"])(
    "by %s has committed its row, and is no failure that would be repeated",
    async (end) => {
      await handle(async (tx) => {
        await tx.testOrder.create(order());
        await tx.$executeRawUnsafe(end);
      });
      expect(await counts()).toEqual({ orders: 1, messages: 1 });
    },
  );
});

describe("the time of a transaction", () => {
  it("being over is INBOX.HANDLER_TIMEOUT, whether the handler notices or not", async () => {
    const slow = (work: (tx: Prisma.TransactionClient) => Promise<unknown>) =>
      repository().transaction(
        async (tx) => {
          await tx.insertCompleted([sampleMessage()], insert);
          await work(tx.client);
        },
        { timeoutMs: 200 },
      );
    const sleep = (tx: Prisma.TransactionClient) => tx.$executeRawUnsafe("SELECT pg_sleep(0.4)");
    await expect(slow(sleep)).rejects.toMatchObject({ code: "INBOX.HANDLER_TIMEOUT" });
    const noticing = slow(async (tx) => {
      await sleep(tx);
      await tx.testOrder.create(order());
    });
    await expect(noticing).rejects.toMatchObject({ code: "INBOX.HANDLER_TIMEOUT" });
    expect(await counts()).toEqual(nothing);
  });

  it("does not begin while no connection is free, which is STORE.TIMEOUT after maxWaitMs", async () => {
    const single = database.connect({ connections: 1 });
    const store = repository({ transaction: { maxWaitMs: 100 } }, single);
    await single.$transaction(async () => {
      const starved = store.transaction(async () => expect.unreachable("it had no connection"), { timeoutMs });
      await expect(starved).rejects.toMatchObject({
        code: "STORE.TIMEOUT",
        message: expect.stringContaining("no connection of the pool was free within 100 ms; nothing happened"),
      });
    });
  });
});

describe("a connection that is lost", () => {
  const backendOf = async (tx: Prisma.TransactionClient) =>
    (await tx.$queryRawUnsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid"))[0]?.pid;
  const terminate = (pid: number | undefined) =>
    database.prisma.$queryRawUnsafe("SELECT pg_terminate_backend($1)", pid);

  it("during the handler is STORE.UNREACHABLE, also when the handler swallows the error", async () => {
    const losing = (afterwards: (tx: Prisma.TransactionClient) => Promise<unknown>) =>
      handle(async (tx) => {
        await terminate(await backendOf(tx));
        await afterwards(tx);
      });
    const write = (tx: Prisma.TransactionClient) => tx.testOrder.create(order());
    await expect(losing(write)).rejects.toMatchObject({ code: "STORE.UNREACHABLE" });
    await expect(losing((tx) => write(tx).catch(() => "ignored"))).rejects.toMatchObject({
      code: "STORE.UNREACHABLE",
    });
    await expect(losing(async () => undefined)).rejects.toMatchObject({ code: "STORE.UNREACHABLE" });
    expect(await counts()).toEqual(nothing);
  });

  it("leaves nothing behind that keeps the message from being handled again", async () => {
    const draft = sampleMessage();
    const lost = handle(async (tx) => terminate(await backendOf(tx)), { draft });
    await expect(lost).rejects.toMatchObject({ code: "STORE.UNREACHABLE" });
    // As the consumer does: the pool may hold the dead connection still, and then the transaction cannot begin.
    const handledAgain = () => handle((tx) => tx.testOrder.create(order()), { draft }).catch(({ code }) => code);
    await expect.poll(handledAgain).toMatchObject({ kind: "stored" });
    expect(await handle(async () => undefined, { draft: deliveredAgain(draft) })).toMatchObject({
      kind: "duplicate",
      id: draft.id,
    });
    expect(await counts()).toEqual({ orders: 1, messages: 1 });
  });
});
