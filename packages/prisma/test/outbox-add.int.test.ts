import { createOutbox, type OutboxEventDraft, type OutboxEventInput } from "@omni-box/core";
import { createPrismaOutboxRepository, type PrismaTransactionLike } from "@omni-box/prisma";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Prisma, type PrismaClient } from "./generated/client.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { sampleEvent, sampleEvents } from "./sample-event.js";

let database: TestDatabase;
let prisma: PrismaClient;
beforeAll(async () => {
  database = await openTestDatabase();
  prisma = database.prisma;
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const repository = (options: { bucketCount?: number; schema?: string } = {}) =>
  createPrismaOutboxRepository(prisma, { schema: database.schema, ...options });
const storedIds = async () => (await prisma.outboxEvent.findMany({ orderBy: { seq: "asc" } })).map(({ id }) => id);
const rollBack = new Error("roll back");

describe("add", () => {
  it("stores an event with the transaction's own writes, and nothing of either when it rolls back", async () => {
    const outbox = repository();
    const [kept, dropped] = [sampleEvent(), sampleEvent()];
    await prisma.$transaction(async (tx) => {
      await tx.testOrder.create({ data: { customer: "Ada", totalCents: 100 } });
      await outbox.add(tx, [kept]);
    });
    const refused = prisma.$transaction(async (tx) => {
      await tx.testOrder.create({ data: { customer: "Bob", totalCents: 100 } });
      await outbox.add(tx, [dropped]);
      throw rollBack;
    });
    await expect(refused).rejects.toBe(rollBack);
    expect(await storedIds()).toEqual([kept.id]);
    expect(await prisma.testOrder.count()).toBe(1);
  });

  it("inserts a thousand events with one statement, their seq in the order given", async () => {
    const statements: string[] = [];
    const logged = database.connect({ logQueries: (sql) => statements.push(sql) });
    const drafts = sampleEvents(1_000);
    const added = await logged.$transaction((tx) => repository().add(tx, drafts));
    expect(statements.filter((sql) => sql !== "COMMIT")).toHaveLength(1);
    expect(added.map(({ id }) => id)).toEqual(drafts.map(({ id }) => id));
    expect(await storedIds()).toEqual(drafts.map(({ id }) => id));
  });

  it("needs a second statement only when nothing was inserted", async () => {
    const statements: string[] = [];
    const logged = database.connect({ logQueries: (sql) => statements.push(sql) });
    const draft = sampleEvent({ idempotencyKey: "payment-1" });
    const add = () => logged.$transaction((tx) => repository().add(tx, [draft]));
    expect(await add()).toMatchObject([{ duplicate: false }]);
    statements.length = 0;
    expect(await add()).toEqual([{ id: draft.id, seq: null, duplicate: true }]);
    expect(statements.filter((sql) => sql !== "COMMIT")).toHaveLength(2);
  });

  it("keeps only what was not rolled back to a savepoint", async () => {
    const outbox = repository();
    const [before, inside, after] = [sampleEvent(), sampleEvent(), sampleEvent()];
    await prisma.$transaction(async (tx) => {
      await outbox.add(tx, [before]);
      const inner = tx.$transaction(async (nested) => {
        await outbox.add(nested, [inside]);
        throw rollBack;
      });
      await expect(inner).rejects.toBe(rollBack);
      await outbox.add(tx, [after]);
    });
    expect(await storedIds()).toEqual([before.id, after.id]);
  });

  it("stores what a nested transaction added once the outer one commits", async () => {
    const outbox = repository();
    const [outer, inner] = [sampleEvent(), sampleEvent()];
    await prisma.$transaction(async (tx) => {
      await outbox.add(tx, [outer]);
      await tx.$transaction((nested) => outbox.add(nested, [inner]));
    });
    expect(await storedIds()).toEqual([outer.id, inner.id]);
  });

  it.each<[string, (client: PrismaClient) => { $transaction: PrismaClient["$transaction"] }]>([
    [
      "an extension around all operations",
      (client) => client.$extends({ query: { $allOperations: ({ args, query }) => query(args) } }) as never,
    ],
    [
      "an extension around raw queries",
      (client) => client.$extends({ query: { $queryRawUnsafe: ({ args, query }) => query(args) } }) as never,
    ],
    [
      "extensions of client, models and results",
      (client) =>
        client
          .$extends({ client: { $hello: () => "hello" } })
          .$extends({ model: { testOrder: { newest: () => null } } })
          .$extends({ result: { testOrder: { euros: { compute: () => 1 } } } }) as never,
    ],
    [
      "an extension that wraps $transaction",
      (client) => {
        const run: PrismaClient["$transaction"] = client.$transaction;
        return client.$extends({
          client: {
            $transaction(this: unknown, ...given: unknown[]) {
              return Reflect.apply(run, this, given);
            },
          },
        }) as never;
      },
    ],
  ])("stays in the transaction inside %s", async (_name, extend) => {
    const extended = extend(prisma);
    const outbox = repository();
    const draft = sampleEvent();
    const refused = extended.$transaction(async (tx: PrismaTransactionLike) => {
      await outbox.add(tx, [draft]);
      throw rollBack;
    });
    await expect(refused).rejects.toBe(rollBack);
    expect(await storedIds()).toEqual([]);
    await extended.$transaction((tx: PrismaTransactionLike) => outbox.add(tx, [draft]));
    expect(await storedIds()).toEqual([draft.id]);
  });

  it("stores every field of an event alike, alone and among others", async () => {
    const common = { payload: { text: `'"\\{},\t€ null`, none: null }, headers: { "a'b": "NULL", empty: "" } };
    const full: Partial<OutboxEventInput> = {
      ...common,
      ...{
        type: "null",
        schemaVersion: " 1",
        topic: "{}",
        aggregateType: "€",
        aggregateId: "'1\\",
        partitionKey: 'k"',
      },
      ...{ traceId: "NULL", correlationId: "2026-01-01", causationId: "0x10", maxAttempts: 7 },
      scheduledAt: new Date(Date.now() + 86_400_000),
    };
    const given = [full, { ...full, idempotencyKey: "'; --" }, common].map((fields) => sampleEvent(fields));
    const read = async () => {
      const rows = await prisma.outboxEvent.findMany({ orderBy: { seq: "asc" } });
      return rows.map(({ seq: _seq, createdAt: _createdAt, ...row }) => row);
    };
    await prisma.$transaction(async (tx) => {
      for (const draft of given) await repository().add(tx, [draft]);
    });
    const alone = await read();
    await database.empty();
    await prisma.$transaction((tx) => repository().add(tx, given));
    expect(await read()).toEqual(alone);
    for (const [index, { schema: _schema, ...draft }] of given.entries()) expect(alone[index]).toMatchObject(draft);
  });

  it("takes events with a NULL-like, huge, nested and oddly named payload as they are", async () => {
    const payload = {
      none: null,
      empty: {},
      list: [],
      constructor: "x",
      $type: "DateTime",
      "a.b": [[1], [{ c: null }]],
      number: 1.5e300,
    };
    const draft = sampleEvent({ payload, aggregateId: 9_007_199_254_740_993n, headers: { constructor: "y" } });
    await prisma.$transaction((tx) => repository().add(tx, [draft]));
    const read = await repository().findById(draft.id);
    expect(read?.payload).toEqual(payload);
    expect(read?.aggregateId).toBe("9007199254740993");
    expect(read?.headers).toEqual({ constructor: "y" });
  });

  it("returns frozen events with a bigint seq", async () => {
    const draft = sampleEvent();
    await prisma.$transaction((tx) => repository().add(tx, [draft]));
    const event = await repository().findById(draft.id);
    expect(typeof event?.seq).toBe("bigint");
    for (const part of [event, event?.payload, event?.headers]) expect(Object.isFrozen(part)).toBe(true);
  });
});

describe("a strict outbox", () => {
  it("refuses the root client, its extensions and what is no client, and leaves nothing behind", async () => {
    const outbox = createOutbox({ repository: repository() });
    const add = (client: unknown) => outbox.add(client as PrismaTransactionLike, sampleEvent());
    for (const client of [prisma, prisma.$extends({ client: { $hello: () => 1 } }), {}, null, undefined]) {
      await expect(add(client)).rejects.toMatchObject({ code: "CONFIG.TRANSACTION_REQUIRED" });
    }
    expect(await storedIds()).toEqual([]);
  });

  it("accepts the root client when it was made lenient", async () => {
    const draft = sampleEvent();
    await createOutbox({ repository: repository(), strict: false }).add(prisma, draft);
    expect(await storedIds()).toEqual([draft.id]);
  });

  it.each<[string, string, () => OutboxEventDraft]>([
    ["too long a text", "MESSAGE.INVALID_EVENT", () => sampleEvent({ topic: "t".repeat(256) })],
    ["a payload that is no JSON", "MESSAGE.INVALID_PAYLOAD", () => sampleEvent({ payload: { at: new Date() } })],
    ["a payload with a NUL character", "MESSAGE.INVALID_PAYLOAD", () => sampleEvent({ payload: { text: "\0" } })],
    ["too large a payload", "MESSAGE.INVALID_PAYLOAD", () => sampleEvent({ payload: { text: "x".repeat(1_048_576) } })],
  ])("leaves the transaction usable after refusing %s", async (_name, code, make) => {
    const outbox = createOutbox({ repository: repository() });
    await prisma.$transaction(async (tx) => {
      await expect(async () => outbox.add(tx, make())).rejects.toMatchObject({ code });
      await tx.testOrder.create({ data: { customer: "Ada", totalCents: 1 } });
    });
    expect(await prisma.testOrder.count()).toBe(1);
  });
});

describe.each([
  ["one event", 1],
  ["several events", 3],
])("an add of %s that the database refuses", (_name, count) => {
  it("says CONFIG.STORE_NOT_READY for another bucket count, writes nothing and leaves the transaction usable", async () => {
    await prisma.$transaction(async (tx) => {
      const refused = repository({ bucketCount: 32 }).add(tx, sampleEvents(count));
      await expect(refused).rejects.toMatchObject({
        code: "CONFIG.STORE_NOT_READY",
        message: expect.stringContaining("create it with bucketCount 64"),
        meta: { expected: { bucketCount: 32 }, recorded: { bucketCount: 64 } },
      });
      await tx.testOrder.create({ data: { customer: "Ada", totalCents: 1 } });
    });
    expect(await storedIds()).toEqual([]);
    expect(await prisma.testOrder.count()).toBe(1);
  });

  it("says CONFIG.STORE_NOT_READY when the setting was deleted", async () => {
    await prisma
      .$transaction(async (tx) => {
        await tx.$executeRawUnsafe(`DELETE FROM ${database.schema}.outbox_setting`);
        await expect(repository().add(tx, sampleEvents(count))).rejects.toMatchObject({
          code: "CONFIG.STORE_NOT_READY",
          message: expect.stringContaining("outbox_setting has no row"),
        });
        throw rollBack;
      })
      .catch((error) => expect(error).toBe(rollBack));
  });

  it("says STORE.SCHEMA_MISSING once and clearly when the tables are missing", async () => {
    const missing = repository({ schema: "omni_box_test_nowhere" });
    await expect(prisma.$transaction((tx) => missing.add(tx, sampleEvents(count)))).rejects.toMatchObject({
      code: "STORE.SCHEMA_MISSING",
      message: expect.stringContaining("apply the omni-box migrations"),
    });
    await expect(
      missing.claim({ token: crypto.randomUUID(), workerId: "w", leaseMs: 1, limit: 1 }),
    ).rejects.toMatchObject({
      code: "STORE.SCHEMA_MISSING",
    });
  });

  it("shows no payload when a value is refused", async () => {
    const drafts = sampleEvents(count, { payload: { card: "4111-1111" } });
    const refused = drafts.map((draft) => ({ ...draft, topic: "t".repeat(300) }));
    const error: unknown = await prisma
      .$transaction((tx) => repository().add(tx, refused))
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "STORE.DATA_ERROR", meta: { sqlState: "22001" } });
    expect(JSON.stringify([String(error), error])).not.toContain("4111");
    expect((error as Error).cause).toBeUndefined();
  });

  it("refuses more than PostgreSQL can read in one parameter before sending anything", async () => {
    const text = "€".repeat(75_000_000 / count);
    const drafts = sampleEvents(count, { payload: { text } });
    const afterwards = prisma.$transaction(
      async (tx) => {
        await expect(repository().add(tx, drafts)).rejects.toMatchObject({ code: "MESSAGE.INVALID_PAYLOAD" });
        await tx.testOrder.create({ data: { customer: "Ada", totalCents: 1 } });
      },
      // So much text takes a busy machine longer than Prisma's 5 seconds.
      { timeout: 30_000 },
    );
    await afterwards;
    expect(await prisma.testOrder.count()).toBe(1);
  });
});

it("hands a serialization failure to the application as Prisma reports it", async () => {
  const outbox = repository();
  const { promise: bothRead, resolve: haveRead } = gate(2);
  const isolationLevel = Prisma.TransactionIsolationLevel.Serializable;
  const attempt = () =>
    prisma.$transaction(
      async (tx) => {
        await tx.testOrder.count();
        haveRead();
        await bothRead;
        await tx.testOrder.create({ data: { customer: crypto.randomUUID(), totalCents: 1 } });
        return outbox.add(tx, [sampleEvent()]);
      },
      { isolationLevel },
    );
  const results = await Promise.allSettled([attempt(), attempt()]);
  const [failed] = results.filter((result) => result.status === "rejected");
  expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  // From a statement P2034 or P2010, from COMMIT the adapter's own error: never one of ours.
  expect(failed?.reason).not.toMatchObject({ name: "OmniBoxError" });
  expect(JSON.stringify(failed?.reason)).toContain("40001");
  expect(await storedIds()).toHaveLength(1);
});

/** A promise that resolves when `resolve` was called `count` times. */
function gate(count: number): { promise: Promise<void>; resolve: () => void } {
  let missing = count;
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    promise,
    resolve: () => {
      missing -= 1;
      if (missing === 0) open();
    },
  };
}
