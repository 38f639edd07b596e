import { createOutbox, type Logger, silentLogger } from "@omni-box/core";
import { createPrismaModelOutboxRepository, createPrismaOutboxRepository, omniBox } from "@omni-box/prisma";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
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

describe("afterCommit", () => {
  /** An extended client, and how many events were visible to others at each call of `afterCommit`. */
  function watched({ fail, logger = silentLogger }: { fail?: () => unknown; logger?: Logger } = {}) {
    const outbox = createOutbox({ repository: createPrismaOutboxRepository(prisma, { schema: database.schema }) });
    const calls: number[] = [];
    const visible: Promise<number>[] = [];
    const afterCommit = () => {
      calls.push(calls.length + 1);
      visible.push(prisma.outboxEvent.count());
      return fail?.();
    };
    return { client: prisma.$extends(omniBox({ outbox, afterCommit, logger })), outbox, calls, visible };
  }

  it("is called once when a transaction that added events has committed, and not before", async () => {
    const { client, calls, visible } = watched();
    await client.$transaction(async (tx) => {
      await tx.$outbox.add(sampleEvent());
      await tx.$outbox.add([sampleEvent(), sampleEvent()]);
      expect(calls).toEqual([]);
    });
    expect(calls).toHaveLength(1);
    expect(await Promise.all(visible)).toEqual([3]);
  });

  it("is called for events that the plain outbox adds to the extended client's transaction, by SQL or by models", async () => {
    const { client, outbox, calls } = watched();
    await client.$transaction((tx) => outbox.add(tx, sampleEvent()));
    expect(calls).toHaveLength(1);
    const models = createPrismaModelOutboxRepository(database.connect());
    await client.$transaction((tx) => models.add(tx, [sampleEvent()]));
    expect(calls).toHaveLength(2);
  });

  it("is called once for each of several transactions, one after the other and at once", async () => {
    const { client, calls } = watched();
    const add = () => client.$transaction((tx) => tx.$outbox.add(sampleEvent()));
    await add();
    await add();
    expect(calls).toHaveLength(2);
    await Promise.all(Array.from({ length: 5 }, add));
    expect(calls).toHaveLength(7);
  });

  it("is not called after a rollback, a failed statement or a commit that fails", async () => {
    const { client, calls } = watched();
    const thrown = client.$transaction(async (tx) => {
      await tx.$outbox.add(sampleEvent());
      throw rollBack;
    });
    await expect(thrown).rejects.toBe(rollBack);
    const failed = client.$transaction(async (tx) => {
      await tx.$outbox.add(sampleEvent());
      await tx.$queryRawUnsafe("SELECT 1 / 0");
    });
    await expect(failed).rejects.toThrow();
    const table = `"${database.schema}".test_deferred`;
    await prisma.$executeRawUnsafe(`CREATE TABLE ${table} (id integer PRIMARY KEY DEFERRABLE INITIALLY DEFERRED)`);
    const uncommitted = client.$transaction(async (tx) => {
      await tx.$outbox.add(sampleEvent());
      await tx.$executeRawUnsafe(`INSERT INTO ${table} VALUES (1), (1)`);
    });
    await expect(uncommitted).rejects.toThrow();
    expect(await storedIds()).toEqual([]);
    expect(calls).toEqual([]);
  });

  it("is not called for a transaction that added nothing", async () => {
    const { client, calls } = watched();
    const draft = sampleEvent({ idempotencyKey: "payment-1" });
    await client.$transaction(async (tx) => {
      await tx.testOrder.create({ data: { customer: "Ada", totalCents: 1 } });
      await tx.$outbox.add([]);
    });
    await client.$transaction([client.testOrder.create({ data: { customer: "Bob", totalCents: 1 } })]);
    expect(calls).toEqual([]);
    await client.$transaction((tx) => tx.$outbox.add(draft));
    await client.$transaction((tx) => tx.$outbox.add(draft));
    expect(calls).toHaveLength(1);
  });

  it("is called once for nested transactions, when the outermost one has committed", async () => {
    const { client, calls, visible } = watched();
    await client.$transaction(async (tx) => {
      await tx.$transaction(async (inner) => {
        await inner.$transaction((innermost) => innermost.$outbox.add(sampleEvent()));
        await inner.$outbox.add(sampleEvent());
      });
      expect(calls).toEqual([]);
      await tx.$transaction((inner) => inner.$outbox.add(sampleEvent()));
      expect(calls).toEqual([]);
    });
    expect(calls).toHaveLength(1);
    expect(await Promise.all(visible)).toEqual([3]);
  });

  it("is not called for what a nested transaction added and rolled back, nor when the outer one rolls back", async () => {
    const { client, calls } = watched();
    const addAndFail = async (tx: Parameters<Parameters<typeof client.$transaction>[0]>[0]) => {
      await tx.$outbox.add(sampleEvent());
      throw rollBack;
    };
    await client.$transaction(async (tx) => {
      await expect(tx.$transaction(addAndFail)).rejects.toBe(rollBack);
    });
    const outer = client.$transaction(async (tx) => {
      await tx.$transaction((inner) => inner.$outbox.add(sampleEvent()));
      throw rollBack;
    });
    await expect(outer).rejects.toBe(rollBack);
    expect(calls).toEqual([]);
  });

  it("of two extensions on one client is called for both", async () => {
    const [one, other] = [watched(), watched()];
    const afterCommit = vi.fn();
    const client = one.client.$extends(omniBox({ outbox: other.outbox, afterCommit })) as unknown as typeof one.client;
    await client.$transaction(async (tx) => {
      await tx.$transaction((inner) => inner.$outbox.add(sampleEvent()));
    });
    expect(one.calls).toHaveLength(1);
    expect(afterCommit).toHaveBeenCalledTimes(1);
  });

  it.each<[string, () => unknown]>([
    [
      "throws",
      () => {
        throw new Error("no relay");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no relay"))],
  ])("that %s fails no transaction, and is logged once", async (_name, fail) => {
    const warn = vi.fn();
    const { client, calls } = watched({ fail, logger: { ...silentLogger, warn } });
    for (let turn = 0; turn < 3; turn += 1) {
      expect(await client.$transaction((tx) => tx.$outbox.add(sampleEvent()))).toHaveLength(1);
    }
    expect(calls).toHaveLength(3);
    expect(await storedIds()).toHaveLength(3);
    await vi.waitFor(() => expect(warn).toHaveBeenCalledTimes(1));
    expect(warn).toHaveBeenCalledWith(expect.objectContaining({ message: "no relay" }), expect.any(String));
  });

  it("that never answers delays no transaction", async () => {
    const { client, calls } = watched({ fail: () => new Promise(() => undefined) });
    await client.$transaction((tx) => tx.$outbox.add(sampleEvent()));
    expect(calls).toHaveLength(1);
  });
});

it("lists wrong options", () => {
  expect(() => omniBox({ outbox: {}, repository: 1 } as never)).toThrow(/outbox: expected an outbox.*repository/);
});
