import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PrismaClient } from "./generated/client.js";
import type { TestDatabase } from "./open-test-database.js";
import { openTransitionDatabase } from "./open-transition-database.js";
import { told, toldInShort, type WatchedClient, watchedClient } from "./sample-transitions.js";
import { untilWaiting } from "./until-waiting.js";

let database: TestDatabase;
let prisma: PrismaClient;
/** Tells of changes only. */
let client: WatchedClient;
/** Tells of creations too. */
let whole: WatchedClient;
beforeAll(async () => {
  database = await openTransitionDatabase();
  prisma = database.prisma;
  client = watchedClient(database);
  whole = watchedClient(database, { includeCreations: true });
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const deviceId = "0b9c0d5e-6b3f-4b41-9c36-0f6d9f1c2a11";

describe("creations", () => {
  it("are not told of by default", async () => {
    await client.$transaction(async (tx) => {
      await tx.testTicket.create({ data: { reference: "a", state: "WORK" } });
      await tx.testTicket.createMany({ data: [{ reference: "b" }] });
    });
    expect(await told(database)).toEqual([]);
  });

  it("are told of with no state before them, when asked for", async () => {
    const created = await whole.$transaction(async (tx) => [
      await tx.testTicket.create({ data: { reference: "a" } }),
      await tx.testTicket.create({ data: { reference: "b", state: "WORK", version: 7 }, select: { reference: true } }),
      await tx.testTicket.create({ data: { reference: "c" }, omit: { id: true, note: true } }),
      await tx.testTicket.createManyAndReturn({
        data: [{ reference: "d" }, { reference: "e" }],
        select: { version: true },
      }),
      await tx.testDevice.create({ data: { id: deviceId, level: 2, name: "pump" } }),
      await tx.testParcel.create({ data: { tenant: "t", number: 1n, place: "depot" }, select: { tenant: true } }),
    ]);
    expect(created).toMatchObject([{ id: 1, reference: "a" }, {}, {}, {}, { id: deviceId }, {}]);
    expect(created[1]).toEqual({ reference: "b" });
    expect(created[2]).toEqual({ reference: "c", state: "OPEN", version: 1, queueId: null, parentId: null });
    expect(created[3]).toEqual([{ version: 1 }, { version: 1 }]);
    expect(created[5]).toEqual({ tenant: "t" });
    expect(await toldInShort(database)).toEqual([
      "ticket 1: null → OPEN v1",
      "ticket 2: null → WORK v7",
      "ticket 3: null → OPEN v1",
      "ticket 4: null → OPEN v1",
      "ticket 5: null → OPEN v1",
      `device ${deviceId}: null → 2 v0`,
      "parcel t:1: null → depot",
    ]);
  });

  it("that are told of are refused outside a transaction, by createMany, and through a relation", async () => {
    const data = { reference: "a" };
    await expect(whole.testTicket.create({ data })).rejects.toMatchObject({ code: "CONFIG.TRANSACTION_REQUIRED" });
    await whole.$transaction(async (tx) => {
      const attempts: [PromiseLike<unknown>, string][] = [
        [tx.testTicket.createMany({ data }), "use createManyAndReturn"],
        [tx.testQueue.create({ data: { name: "q", tickets: { create: data } } }), "tickets.create"],
        [tx.testQueue.create({ data: { name: "q", tickets: { createMany: { data } } } }), "tickets.createMany"],
      ];
      for (const [attempt, words] of attempts) {
        await expect(attempt).rejects.toMatchObject({
          code: "OUTBOX.TRANSITION_REFUSED",
          message: expect.stringContaining(words),
        });
      }
    });
    expect(await prisma.testTicket.count()).toBe(0);
  });

  it("that are told of may answer with relations, by include and by select", async () => {
    const data = { reference: "a", queue: { create: { name: "q" } } };
    await whole.$transaction(async (tx) => {
      const included = await tx.testTicket.create({ data, include: { queue: true, parent: true } });
      expect(included).toMatchObject({ id: 1, queue: { name: "q" }, parent: null });
      const queue = { connect: { id: included.queueId ?? 0 } };
      const selected = await tx.testTicket.create({ data: { reference: "b", queue }, select: { queue: true } });
      expect(selected).toEqual({ queue: { id: included.queueId, name: "q" } });
    });
    expect(await toldInShort(database)).toEqual(["ticket 1: null → OPEN v1", "ticket 2: null → OPEN v1"]);
  });

  it("that are told of are rolled back, or refused, when Prisma is asked for a relation instead of the row", async () => {
    const data = { reference: "a", queue: { create: { name: "q" } } };
    const attempts: ((tx: Parameters<Parameters<WatchedClient["$transaction"]>[0]>[0]) => PromiseLike<unknown>)[] = [
      (tx) => tx.testTicket.create({ data }).queue(),
      (tx) => tx.testTicket.create({ data: { reference: "a" } }).queue(),
      (tx) => tx.testTicket.create({ data: { reference: "a" } }).parent(),
    ];
    for (const attempt of attempts) {
      const done = whole.$transaction(async (tx) => {
        await attempt(tx);
      });
      await expect(done).rejects.toMatchObject({ code: "OUTBOX.TRANSITION_REFUSED" });
    }
    expect(await prisma.testTicket.count()).toBe(0);
    expect(await told(database)).toEqual([]);
  });
});

describe("an upsert", () => {
  const upsert = (reference: string) =>
    ({
      where: { reference },
      create: { reference, state: "OPEN" },
      update: { state: "WORK", version: { increment: 1 } },
    }) as const;

  it("of a row that is there is told of as a change, and as a creation of one that is not, when asked for", async () => {
    await prisma.testTicket.create({ data: { reference: "a" } });
    for (const given of [client, whole]) {
      await given.$transaction(async (tx) => {
        expect(await tx.testTicket.upsert(upsert("a"))).toMatchObject({ id: 1, state: "WORK" });
        await tx.testTicket.upsert(upsert(given === whole ? "b" : "c"));
        await tx.testTicket.upsert({
          ...upsert("z"),
          where: { id: 1 },
          update: { state: "CLOSED" },
          select: { id: true },
        });
      });
    }
    expect(await toldInShort(database)).toEqual([
      "ticket 1: OPEN → WORK v2",
      "ticket 1: WORK → CLOSED v2",
      "ticket 1: CLOSED → WORK v3",
      "ticket 3: null → OPEN v1",
      "ticket 1: WORK → CLOSED v3",
    ]);
  });

  it("of a row that another transaction is creating waits for it, and tells of the change of that row", async () => {
    let created: () => void = () => undefined;
    const isCreated = new Promise<void>((resolve) => {
      created = resolve;
    });
    let commit: () => void = () => undefined;
    const mayCommit = new Promise<void>((resolve) => {
      commit = resolve;
    });
    const first = prisma.$transaction(async (tx) => {
      await tx.testTicket.create({ data: { reference: "a", state: "CLOSED" } });
      created();
      await mayCommit;
    });
    await isCreated;
    const second = client.$transaction(async (tx) => {
      const row = await tx.testTicket.upsert(upsert("a"));
      await tx.testQueue.create({ data: { name: "still usable" } });
      return row;
    });
    await untilWaiting(database);
    commit();
    await first;
    expect(await second).toMatchObject({ id: 1, state: "WORK", version: 2 });
    expect(await prisma.testQueue.count()).toBe(1);
    expect(await toldInShort(database)).toEqual(["ticket 1: CLOSED → WORK v2"]);
  });

  it("that collides with another unique key fails as without us", async () => {
    await prisma.testTicket.create({ data: { reference: "a" } });
    const attempt = client.$transaction((tx) =>
      tx.testTicket.upsert({ ...upsert("a"), where: { id: 99 }, update: { state: "WORK" } }),
    );
    await expect(attempt).rejects.toMatchObject({ code: "P2002" });
    expect(await told(database)).toEqual([]);
  });

  it("by many transactions at once creates one row and tells of each change of it", async () => {
    const states = ["OPEN", "WORK", "CLOSED"] as const;
    await Promise.all(
      Array.from({ length: 9 }, (_, index) =>
        whole.$transaction(
          (tx) =>
            tx.testTicket.upsert({
              where: { reference: "a" },
              create: { reference: "a" },
              update: { state: states[index % 3] ?? "OPEN" },
            }),
          { maxWait: 20_000, timeout: 20_000 },
        ),
      ),
    );
    expect(await prisma.testTicket.count()).toBe(1);
    const events = await told(database);
    expect(events[0]).toMatchObject({ fromState: null, toState: "OPEN" });
    for (const [index, event] of events.slice(1).entries()) expect(event.fromState).toBe(events[index]?.toState);
    const row = await prisma.testTicket.findFirstOrThrow();
    expect(events.at(-1)?.toState).toBe(row.state);
  });
});
