import { createOutbox } from "@omni-box/core";
import { createPrismaOutboxRepository, defineTransition, omniBox } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { PrismaClient } from "./generated/client.js";
import { databaseUrl, type TestDatabase } from "./open-test-database.js";
import { openTransitionDatabase } from "./open-transition-database.js";
import {
  TicketStateChanged,
  ticketTransition,
  told,
  toldInShort,
  type WatchedClient,
  watchedClient,
} from "./sample-transitions.js";

let database: TestDatabase;
let prisma: PrismaClient;
let client: WatchedClient;
beforeAll(async () => {
  database = await openTransitionDatabase();
  prisma = database.prisma;
  client = watchedClient(database);
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const states = async () => (await prisma.testTicket.findMany({ orderBy: { id: "asc" } })).map(({ state }) => state);
const untouched = async () => {
  expect(await states()).toEqual(["OPEN"]);
  expect(await told(database)).toEqual([]);
};
const refused = (words: string) => ({ code: "OUTBOX.TRANSITION_REFUSED", message: expect.stringContaining(words) });
const transactionRequired = { code: "CONFIG.TRANSACTION_REQUIRED" };

describe("outside an interactive transaction", () => {
  beforeEach(() => prisma.testTicket.create({ data: { reference: "a" } }));
  const update = { where: { id: 1 }, data: { state: "WORK" } } as const;

  it.each<[string, (given: WatchedClient) => PromiseLike<unknown>]>([
    ["update", (given) => given.testTicket.update(update)],
    ["updateMany", (given) => given.testTicket.updateMany({ data: { state: "WORK" } })],
    ["updateManyAndReturn", (given) => given.testTicket.updateManyAndReturn({ data: { state: "WORK" } })],
    ["upsert", (given) => given.testTicket.upsert({ ...update, update: update.data, create: { reference: "b" } })],
    ["update and reading on", (given) => given.testTicket.update(update).queue()],
    [
      "an array of operations",
      (given) => given.$transaction([given.testQueue.count(), given.testTicket.update(update)]),
    ],
    ["a client extended further", (given) => given.$extends({ client: { $hello: () => 1 } }).testTicket.update(update)],
  ])("is refused before anything is sent: %s", async (_name, attempt) => {
    const statements: string[] = [];
    const logged = watchedClient(database, {}, database.connect({ logQueries: (sql) => statements.push(sql) }));
    await expect(attempt(logged)).rejects.toMatchObject({
      code: "CONFIG.TRANSACTION_REQUIRED",
      message: expect.stringMatching(/of TestTicket .* prisma\.\$transaction\(async \(tx\)/),
    });
    expect(statements).toEqual([]);
    await untouched();
  });

  it.each(["pretty", "colorless", "minimal"] as const)(
    "is refused under the same code with errors that are %s",
    async (errorFormat) => {
      const adapter = new PrismaPg({ connectionString: databaseUrl, max: 1 }, { schema: database.schema });
      const formatted = new PrismaClient({ adapter, errorFormat });
      await expect(watchedClient(database, {}, formatted).testTicket.update(update)).rejects.toMatchObject(
        transactionRequired,
      );
      await formatted.$disconnect();
      await untouched();
    },
  );

  it("is refused inside the function of a transaction, on another client than its own", async () => {
    await client.$transaction(async (tx) => {
      await tx.testTicket.count();
      await expect(client.testTicket.update(update)).rejects.toMatchObject(transactionRequired);
    });
    await untouched();
  });

  it("is refused on the transaction's client after its end", async () => {
    let late: (() => PromiseLike<unknown>) | undefined;
    await client.$transaction(async (tx) => {
      late = () => tx.testTicket.update(update);
    });
    await expect(late?.()).rejects.toMatchObject(transactionRequired);
    await untouched();
  });

  it("everything else goes on as before", async () => {
    await client.testTicket.update({ where: { id: 1 }, data: { version: 3 } });
    await client.testTicket.create({ data: { reference: "b", state: "WORK" } });
    await client.testTicket.upsert({ where: { id: 1 }, update: { version: 4 }, create: { reference: "c" } });
    await client.testTicket.delete({ where: { id: 1 } });
    await client.$transaction([client.testTicket.create({ data: { reference: "d" } })]);
    expect(await states()).toEqual(["WORK", "OPEN"]);
    expect(await told(database)).toEqual([]);
  });

  it("errors of other extensions and of Prisma's validation stay what they are", async () => {
    const forbidden = new Error("not today");
    const guarded = client.$extends({ query: { testTicket: { update: () => Promise.reject(forbidden) } } });
    await expect(guarded.testTicket.update(update)).rejects.toBe(forbidden);
    await expect(guarded.$transaction((tx) => tx.testTicket.update(update))).rejects.toBe(forbidden);
    const unknown = { where: { id: 1 }, data: { state: "GONE" as never } };
    const invalid = client.$transaction((tx) => tx.testTicket.update(unknown));
    await expect(invalid).rejects.toMatchObject({ name: "PrismaClientValidationError" });
    await untouched();
  });
});

describe("a nested write that would change a watched state", () => {
  beforeEach(async () => {
    await prisma.testQueue.create({ data: { name: "first", tickets: { create: { reference: "a" } } } });
  });
  const data = { state: "WORK" } as const;

  it.each<[string, Parameters<WatchedClient["testQueue"]["update"]>[0]["data"]]>([
    ["tickets.update", { tickets: { update: { where: { id: 1 }, data } } }],
    ["tickets.update", { tickets: { update: [{ where: { id: 1 }, data }] } }],
    ["tickets.updateMany", { tickets: { updateMany: { where: {}, data } } }],
    ["tickets.upsert", { tickets: { upsert: { where: { id: 1 }, update: data, create: { reference: "b" } } } }],
    [
      "tickets.update.parts.update",
      { tickets: { update: { where: { id: 1 }, data: { parts: { update: { where: { id: 2 }, data } } } } } },
    ],
    ["tickets.create.parts.create", { tickets: { create: { reference: "b", parts: { create: { reference: "c" } } } } }],
  ])("is refused by its path: %s", async (path, nested) => {
    const given = watchedClient(database, { includeCreations: path.includes("create") });
    const attempt = given.$transaction((tx) => tx.testQueue.update({ where: { id: 1 }, data: nested }));
    await expect(attempt).rejects.toMatchObject(refused(path.split(".create").at(0) ?? path));
    await expect(given.testQueue.update({ where: { id: 1 }, data: nested })).rejects.toMatchObject(
      refused("its relation"),
    );
    await untouched();
  });

  it("is refused from the model itself, and from the row that a relation leads to", async () => {
    const parts = { parts: { updateMany: { where: {}, data } } };
    const queue = { queue: { update: { tickets: { updateMany: { where: {}, data } } } } };
    await client.$transaction(async (tx) => {
      for (const nested of [parts, queue]) {
        const attempt = tx.testTicket.update({ where: { id: 1 }, data: nested });
        await expect(attempt).rejects.toMatchObject(refused("would change the state of TestTicket"));
      }
    });
    await untouched();
  });

  it("is let through where it changes other fields", async () => {
    await client.testQueue.update({
      where: { id: 1 },
      data: {
        tickets: { update: { where: { id: 1 }, data: { version: 2 } }, create: { reference: "b", state: "WORK" } },
      },
    });
    expect(await states()).toEqual(["OPEN", "WORK"]);
    expect(await told(database)).toEqual([]);
  });

  it("is told from a JSON value that looks like one", async () => {
    const note = { parts: { update: { data: { state: "WORK" } } } };
    await client.testTicket.update({ where: { id: 1 }, data: { note } });
    await untouched();
  });
});

describe("in a transaction", () => {
  beforeEach(() => prisma.testTicket.create({ data: { reference: "a" } }));

  it("an update of state and id at once is refused, and one that repeats the id is not", async () => {
    await client.$transaction(async (tx) => {
      for (const id of [2, { set: 2 }, { increment: 1 }]) {
        const attempt = tx.testTicket.update({ where: { id: 1 }, data: { id, state: "WORK" } });
        await expect(attempt).rejects.toMatchObject(refused("would change the id (id)"));
      }
    });
    await untouched();
    await client.$transaction(async (tx) => {
      await tx.testTicket.update({ where: { id: 1 }, data: { id: 1, state: "WORK" } });
      await tx.testTicket.update({ where: { reference: "a" }, data: { id: { set: 1 }, state: "CLOSED" } });
    });
    expect(await told(database)).toHaveLength(2);
  });

  it("a change that cannot be told of is not committed, although its error is caught", async () => {
    const context = vi.fn((): undefined => {
      throw new Error("no request");
    });
    const given = watchedClient(database, { context });
    const attempt = given.$transaction(async (tx) => {
      await tx.testTicket.update({ where: { id: 1 }, data: { state: "WORK" } }).catch(() => "caught");
    });
    await expect(attempt).rejects.toThrow("no request");
    expect(context).toHaveBeenCalledTimes(1);
    await untouched();
  });

  it("the same in a nested transaction rolls back that one, and the outer one can go on", async () => {
    let isFailing = true;
    const context = () => {
      if (isFailing) throw new Error("no request");
      return { correlationId: "c" };
    };
    const given = watchedClient(database, { context });
    await given.$transaction(async (tx) => {
      const nested = tx.$transaction(async (inner) => {
        await inner.testTicket.update({ where: { id: 1 }, data: { state: "WORK" } }).catch(() => "caught");
      });
      await expect(nested).rejects.toThrow("no request");
      isFailing = false;
      await tx.testTicket.update({ where: { id: 1 }, data: { state: "CLOSED" } });
    });
    expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → CLOSED v1"]);
  });

  it("a state that the event's schema does not know is refused, and the change rolled back", async () => {
    await prisma.testParcel.create({ data: { tenant: "t", number: 1n } });
    const key = { tenant: "t", number: 1n };
    const attempt = client.$transaction((tx) =>
      tx.testParcel.update({ where: { tenant_number: key }, data: { place: "moon" } }),
    );
    await expect(attempt).rejects.toMatchObject({ code: "MESSAGE.SCHEMA_MISMATCH" });
    expect(await prisma.testParcel.findFirst()).toMatchObject({ place: null });
  });

  it("a change that was begun is told of before the commit, although the application does not wait for it", async () => {
    await client.$transaction(async (tx) => {
      void tx.testTicket.update({ where: { id: 1 }, data: { state: "WORK" } }).then(() => undefined);
      await tx.testQueue.count();
    });
    expect(await states()).toEqual(["WORK"]);
    expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → WORK v1"]);
  });

  it("changes of one row that are made at once are told of one after the other", async () => {
    await client.$transaction(async (tx) => {
      const to = (state: "OPEN" | "WORK" | "CLOSED") => tx.testTicket.update({ where: { id: 1 }, data: { state } });
      await Promise.all([to("WORK"), to("CLOSED"), to("WORK")]);
      await tx.$transaction([to("OPEN"), to("CLOSED")]);
    });
    expect(await toldInShort(database)).toEqual([
      "ticket 1: OPEN → WORK v1",
      "ticket 1: WORK → CLOSED v1",
      "ticket 1: CLOSED → WORK v1",
      "ticket 1: WORK → OPEN v1",
      "ticket 1: OPEN → CLOSED v1",
    ]);
  });
});

describe("a table of the same name in another schema", () => {
  const outbox = () => createOutbox({ repository: createPrismaOutboxRepository(prisma, { schema: database.schema }) });
  const transition = (schema: string) =>
    defineTransition({ model: prisma.testTicket, stateField: "state", event: TicketStateChanged, schema });
  const other = () => `${database.schema}_other`;
  beforeEach(async () => {
    await prisma.testTicket.create({ data: { reference: "a" } });
    await prisma.$executeRawUnsafe(`CREATE SCHEMA ${other()}`);
    await prisma.$executeRawUnsafe(
      `CREATE TABLE ${other()}."test ticket" AS SELECT * FROM ${database.schema}."test ticket" WHERE false`,
    );
  });
  const drop = () => prisma.$executeRawUnsafe(`DROP SCHEMA ${other()} CASCADE`);

  it.each([
    ["lacks the row", false],
    ["has a row with the same id", true],
  ])("is found out when it %s, and the change is rolled back", async (_name, hasRow) => {
    if (hasRow) {
      await prisma.$executeRawUnsafe(
        `INSERT INTO ${other()}."test ticket" SELECT * FROM ${database.schema}."test ticket"`,
      );
    }
    const given = prisma.$extends(omniBox({ outbox: outbox(), transitions: [transition(other())] }));
    const attempt = given.$transaction((tx) => tx.testTicket.update({ where: { id: 1 }, data: { state: "WORK" } }));
    await expect(attempt).rejects.toMatchObject(refused("does not hold the rows of TestTicket"));
    await drop();
    await untouched();
  });

  it("is a missing table in a schema that has none", async () => {
    await drop();
    const given = prisma.$extends(omniBox({ outbox: outbox(), transitions: [transition("omni_box_none")] }));
    const attempt = given.$transaction((tx) => tx.testTicket.update({ where: { id: 1 }, data: { state: "WORK" } }));
    await expect(attempt).rejects.toMatchObject({ code: "STORE.SCHEMA_MISSING" });
    await untouched();
  });
});

describe("beside other extensions", () => {
  beforeEach(() => prisma.testTicket.create({ data: { reference: "a" } }));
  const outboxOf = () =>
    createOutbox({ repository: createPrismaOutboxRepository(prisma, { schema: database.schema }) });
  const extension = () => omniBox({ outbox: outboxOf(), transitions: [ticketTransition(database)] });
  const work = { where: { id: 1 }, data: { state: "WORK" } } as const;

  it("sees what extensions before and after it make of the arguments", async () => {
    const byReference = prisma.$extends({
      query: { testTicket: { update: ({ args, query }) => query({ ...args, where: { reference: "a" } }) } },
    });
    const closing = byReference.$extends(extension()).$extends({
      query: { testTicket: { update: ({ args, query }) => query({ ...args, data: { state: "CLOSED" } }) } },
    });
    await closing.$transaction((tx) => tx.testTicket.update({ where: { id: 99 }, data: { state: "WORK" } }));
    expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → CLOSED v1"]);
  });

  it("reads past extensions that hide rows or change what is read", async () => {
    const hiding = prisma
      .$extends(extension())
      .$extends({
        query: { testTicket: { findMany: () => Promise.resolve([]), findUnique: () => Promise.resolve(null) } },
      })
      .$extends({ result: { testTicket: { state: { needs: { id: true }, compute: () => "CLOSED" } } } });
    await hiding.$transaction(async (tx) => {
      await tx.testTicket.update(work);
      await tx.testTicket.update({ ...work, where: { reference: "a" }, data: { state: "CLOSED" } });
    });
    expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → WORK v1", "ticket 1: WORK → CLOSED v1"]);
  });

  it("is told when one drops the argument by which it knows transactions", async () => {
    const dropping = prisma.$extends(extension()).$extends({
      query: { testTicket: { update: ({ args: { where, data }, query }) => query({ where, data }) } },
    });
    const attempt = dropping.$transaction((tx) => tx.testTicket.update(work));
    await expect(attempt).rejects.toMatchObject(refused("apply omniBox after that extension"));
    await untouched();
  });

  it("tells once for each of two extensions that watch", async () => {
    const twice = prisma.$extends(extension()).$extends(extension()) as unknown as WatchedClient;
    await twice.$transaction(async (tx) => {
      await tx.testTicket.update(work);
      await tx.$transaction((inner) => inner.testTicket.update({ ...work, data: { state: "CLOSED" } }));
    });
    expect((await toldInShort(database)).sort()).toEqual([
      "ticket 1: OPEN → WORK v1",
      "ticket 1: OPEN → WORK v1",
      "ticket 1: WORK → CLOSED v1",
      "ticket 1: WORK → CLOSED v1",
    ]);
  });

  it("calls afterCommit for a transaction that did nothing but change a state", async () => {
    const afterCommit = vi.fn();
    const given = watchedClient(database, { afterCommit });
    await given.$transaction((tx) => tx.testTicket.update(work));
    expect(afterCommit).toHaveBeenCalledTimes(1);
    await given.$transaction((tx) => tx.testTicket.update(work));
    expect(afterCommit).toHaveBeenCalledTimes(1);
  });

  it("carries what the context says, asked once for each operation", async () => {
    await prisma.testTicket.create({ data: { reference: "b" } });
    const context = vi.fn(() => ({
      correlationId: "request-1",
      causationId: "command-1",
      traceId: "trace-1",
      headers: { tenant: "t" },
    }));
    const given = watchedClient(database, { context });
    await given.$transaction((tx) => tx.testTicket.updateMany({ data: { state: "WORK" } }));
    expect(context).toHaveBeenCalledTimes(1);
    const events = await prisma.outboxEvent.findMany();
    expect(events).toHaveLength(2);
    for (const event of events) expect(event).toMatchObject(context());
  });
});
