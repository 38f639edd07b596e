import { createOutbox } from "@omni-box/core";
import { createPrismaOutboxRepository, omniBox } from "@omni-box/prisma";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PrismaClient } from "./generated/client.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { sampleEvent } from "./sample-event.js";

let database: TestDatabase;
let prisma: PrismaClient;
beforeAll(async () => {
  database = await openTestDatabase();
  prisma = database.prisma;
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const createExtension = (strict = true) => {
  const repository = createPrismaOutboxRepository(prisma, { schema: database.schema });
  return omniBox({ outbox: strict ? createOutbox({ repository }) : createOutbox({ repository, strict: false }) });
};
const extend = () => prisma.$extends(createExtension());
type Extended = ReturnType<typeof extend>;

const storedIds = async () => (await prisma.outboxEvent.findMany({ orderBy: { seq: "asc" } })).map(({ id }) => id);
const rollBack = new Error("roll back");

/** The extension alone, and in every place among others. */
const arrangements: readonly (readonly [string, () => Extended])[] = [
  ["alone", extend],
  [
    "before other extensions",
    () =>
      extend()
        .$extends({ client: { $hello: () => "hello" } })
        .$extends({ query: { $allOperations: ({ args, query }) => query(args) } }) as unknown as Extended,
  ],
  [
    "after other extensions",
    () =>
      prisma
        .$extends({ query: { $queryRawUnsafe: ({ args, query }) => query(args) } })
        .$extends({ result: { testOrder: { euros: { compute: () => 1 } } } })
        .$extends(createExtension()) as unknown as Extended,
  ],
  ["twice", () => extend().$extends(createExtension()) as unknown as Extended],
];

describe.each(arrangements)("tx.$outbox with the extension %s", (_name, open) => {
  it("adds events that commit and roll back with the transaction", async () => {
    const client = open();
    const [kept, dropped] = [sampleEvent(), sampleEvent()];
    const added = await client.$transaction(async (tx) => {
      await tx.testOrder.create({ data: { customer: "Ada", totalCents: 100 } });
      return tx.$outbox.add(kept, { correlationId: "request-1" });
    });
    expect(added).toMatchObject([{ id: kept.id, duplicate: false }]);
    const refused = client.$transaction(async (tx) => {
      await tx.$outbox.add([dropped]);
      throw rollBack;
    });
    await expect(refused).rejects.toBe(rollBack);
    expect(await storedIds()).toEqual([kept.id]);
    expect(await prisma.outboxEvent.findFirst()).toMatchObject({ correlationId: "request-1" });
  });

  it("belongs to the nested transaction inside of one", async () => {
    const [outer, inner, after] = [sampleEvent(), sampleEvent(), sampleEvent()];
    await open().$transaction(async (tx) => {
      await tx.$outbox.add(outer);
      const nested = tx.$transaction(async (savepoint) => {
        await savepoint.$outbox.add(inner);
        throw rollBack;
      });
      await expect(nested).rejects.toBe(rollBack);
      await tx.$outbox.add(after);
    });
    expect(await storedIds()).toEqual([outer.id, after.id]);
  });

  it("is a transaction of its own for each of many at once", async () => {
    const client = open();
    const drafts = Array.from({ length: 8 }, () => sampleEvent());
    const outcomes = await Promise.allSettled(
      drafts.map((draft, index) =>
        client.$transaction(async (tx) => {
          await tx.$outbox.add(draft);
          if (index % 2 === 1) throw rollBack;
        }),
      ),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(4);
    const kept = drafts.filter((_draft, index) => index % 2 === 0).map(({ id }) => id);
    expect((await storedIds()).sort()).toEqual(kept.sort());
  });

  it("is refused outside a transaction", async () => {
    await expect(open().$outbox.add(sampleEvent())).rejects.toMatchObject({
      code: "CONFIG.TRANSACTION_REQUIRED",
      message: expect.stringContaining("tx.$outbox.add"),
    });
    expect(await storedIds()).toEqual([]);
  });

  it("leaves the other forms and options of $transaction as they were", async () => {
    const client = open();
    const create = (customer: string) => client.testOrder.create({ data: { customer, totalCents: 1 } });
    expect(await client.$transaction([create("Ada"), create("Bob")])).toHaveLength(2);
    await expect(client.$transaction([create("Cid"), create("Ada")])).rejects.toMatchObject({ code: "P2002" });
    expect(await prisma.testOrder.count()).toBe(2);
    const read = client.$transaction(
      (tx) => tx.$queryRawUnsafe<{ level: string }[]>("SELECT current_setting('transaction_isolation') AS level"),
      { isolationLevel: "Serializable", timeout: 10_000 },
    );
    expect(await read).toEqual([{ level: "serializable" }]);
  });

  it("keeps what the transaction client lacks, lacking", async () => {
    await open().$transaction(async (tx) => {
      expect(Reflect.get(tx, "$connect")).toBeUndefined();
      expect("$connect" in tx).toBe(false);
      expect("$outbox" in tx).toBe(true);
    });
  });
});

it("is refused outside a transaction also when the outbox is lenient", async () => {
  const client = prisma.$extends(createExtension(false));
  await expect(client.$outbox.add(sampleEvent())).rejects.toMatchObject({ code: "CONFIG.TRANSACTION_REQUIRED" });
});

it("takes part in a transaction that the plain outbox writes to as well", async () => {
  const repository = createPrismaOutboxRepository(prisma, { schema: database.schema });
  const outbox = createOutbox({ repository });
  const [first, second] = [sampleEvent(), sampleEvent()];
  await prisma.$extends(omniBox({ outbox })).$transaction(async (tx) => {
    await outbox.add(tx, first);
    await tx.$outbox.add(second);
  });
  expect(await storedIds()).toEqual([first.id, second.id]);
});

it("lists wrong options", () => {
  expect(() => omniBox({ outbox: {}, repository: 1 } as never)).toThrow(/outbox: expected an outbox.*repository/);
});
