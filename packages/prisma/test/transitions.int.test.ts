import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PrismaClient } from "./generated/client.js";
import type { TestDatabase } from "./open-test-database.js";
import { openTransitionDatabase } from "./open-transition-database.js";
import { told, toldInShort, type WatchedClient, watchedClient } from "./sample-transitions.js";

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

const rollBack = new Error("roll back");
/** More than Prisma's 5 seconds, for many rows. */
const patient = { timeout: 60_000 };
const newTicket = (reference: string) => prisma.testTicket.create({ data: { reference } });
const stateOf = async (id: number) => (await prisma.testTicket.findUniqueOrThrow({ where: { id } })).state;
const deviceId = "0b9c0d5e-6b3f-4b41-9c36-0f6d9f1c2a11";

describe("an update of a watched state", () => {
  it("adds an event with the state before and after, and the version after it", async () => {
    const { id } = await newTicket("a");
    const updated = await client.$transaction((tx) =>
      tx.testTicket.update({ where: { id }, data: { state: "WORK", version: { increment: 1 } } }),
    );
    expect(updated).toMatchObject({ id, state: "WORK", version: 2, reference: "a" });
    expect(await told(database)).toEqual([
      { aggregateType: "ticket", aggregateId: String(id), fromState: "OPEN", toState: "WORK", version: 2 },
    ]);
    const [event] = await prisma.outboxEvent.findMany();
    expect(event).toMatchObject({
      type: "ticket.state-changed",
      topic: "tickets",
      aggregateType: "ticket",
      aggregateId: String(id),
      partitionKey: String(id),
    });
  });

  it("adds nothing when the state stays what it was, or is not written", async () => {
    const { id } = await newTicket("a");
    await client.$transaction(async (tx) => {
      await tx.testTicket.update({ where: { id }, data: { state: "OPEN" } });
      await tx.testTicket.update({ where: { id }, data: { version: 7 } });
      await tx.testTicket.updateMany({ data: { state: { set: "OPEN" } } });
    });
    expect(await told(database)).toEqual([]);
  });

  it("adds one event for each step inside of one transaction", async () => {
    const { id } = await newTicket("a");
    await client.$transaction(async (tx) => {
      await tx.testTicket.update({ where: { id }, data: { state: "WORK", version: 2 } });
      await tx.testTicket.update({ where: { reference: "a" }, data: { state: { set: "CLOSED" }, version: 3 } });
    });
    expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → WORK v2", "ticket 1: WORK → CLOSED v3"]);
  });

  it("leaves neither the change nor the event after a rollback", async () => {
    const { id } = await newTicket("a");
    const refused = client.$transaction(async (tx) => {
      await tx.testTicket.update({ where: { id }, data: { state: "WORK" } });
      expect(await tx.outboxEvent.count()).toBe(1);
      throw rollBack;
    });
    await expect(refused).rejects.toBe(rollBack);
    expect(await stateOf(id)).toBe("OPEN");
    expect(await told(database)).toEqual([]);
  });

  it("belongs to the nested transaction that makes it", async () => {
    const { id } = await newTicket("a");
    await client.$transaction(async (tx) => {
      const nested = tx.$transaction(async (inner) => {
        await inner.testTicket.update({ where: { id }, data: { state: "WORK" } });
        throw rollBack;
      });
      await expect(nested).rejects.toBe(rollBack);
      await tx.$transaction((inner) => inner.testTicket.update({ where: { id }, data: { state: "CLOSED" } }));
      await tx.testTicket.update({ where: { id }, data: { state: "WORK" } });
    });
    expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → CLOSED v1", "ticket 1: CLOSED → WORK v1"]);
  });

  it("answers with what was asked for, relations read through the call included", async () => {
    const queue = await prisma.testQueue.create({ data: { name: "first" } });
    const { id } = await prisma.testTicket.create({ data: { reference: "a", queueId: queue.id } });
    await client.$transaction(async (tx) => {
      const narrow = await tx.testTicket.update({
        where: { id },
        data: { state: "WORK" },
        select: { reference: true },
      });
      expect(narrow).toEqual({ reference: "a" });
      const relation = await tx.testTicket.update({ where: { id }, data: { state: "CLOSED" } }).queue();
      expect(relation).toEqual(queue);
      const included = await tx.testTicket.update({ where: { id }, data: { state: "OPEN" }, include: { queue: true } });
      expect(included.queue).toEqual(queue);
    });
    expect(await told(database)).toHaveLength(3);
  });

  it("of a row that is not there, or does not meet the condition, fails as without us and leaves the transaction usable", async () => {
    const { id } = await newTicket("a");
    await client.$transaction(async (tx) => {
      const missing = tx.testTicket.update({ where: { id: 4711 }, data: { state: "WORK" } });
      await expect(missing).rejects.toMatchObject({ code: "P2025" });
      const other = tx.testTicket.update({ where: { id, version: 9 }, data: { state: "WORK" } });
      await expect(other).rejects.toMatchObject({ code: "P2025" });
      await tx.testTicket.update({ where: { id, version: 1 }, data: { state: "WORK" } });
    });
    expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → WORK v1"]);
  });

  it("tells of ids of several fields, uuids, numbers as states and states that are absent", async () => {
    await prisma.testParcel.create({ data: { tenant: "a:b", number: 9_007_199_254_740_993n } });
    await prisma.testDevice.create({ data: { id: deviceId, level: 1, name: "pump" } });
    await client.$transaction(async (tx) => {
      const key = { tenant: "a:b", number: 9_007_199_254_740_993n };
      await tx.testParcel.update({ where: { tenant_number: key }, data: { place: "depot" } });
      await tx.testParcel.update({ where: { tenant_number: key }, data: { place: null } });
      const level = { increment: 2 };
      await tx.testDevice.update({ where: { id: deviceId }, data: { level, change: { increment: 1 } } });
    });
    expect(await toldInShort(database)).toEqual([
      "parcel a%3Ab:9007199254740993: null → depot",
      "parcel a%3Ab:9007199254740993: depot → null",
      `device ${deviceId}: 1 → 3 v1`,
    ]);
  });

  it("runs every statement in the transaction of the application", async () => {
    const { id } = await newTicket("a");
    const statements: string[] = [];
    const logged = watchedClient(
      database,
      {},
      database.connect({ connections: 1, logQueries: (sql) => statements.push(sql) }),
    );
    const [before, after] = await logged.$transaction(async (tx) => {
      const read = () =>
        tx.$queryRawUnsafe<object[]>("SELECT pg_backend_pid() AS pid, pg_current_xact_id()::text AS xid");
      const first = await read();
      await tx.testTicket.update({ where: { id }, data: { state: "WORK" } });
      await tx.testTicket.update({ where: { id }, data: { state: "CLOSED" } });
      return [first, await read()];
    });
    expect(after).toEqual(before);
    // The second time: lock, read, update, read, insert. A single connection would not serve any other transaction.
    const kinds = statements.map((sql) => sql.trim().split(/\s/)[0]);
    expect(kinds.slice(-7, -2)).toEqual(["SELECT", "SELECT", "UPDATE", "SELECT", expect.stringMatching(/INSERT|WITH/)]);
    expect(statements.filter((sql) => sql.includes("FOR NO KEY UPDATE"))).toHaveLength(2);
    const rows = await prisma.$queryRawUnsafe<{ xid: string }[]>(
      `SELECT DISTINCT xmin::text AS xid FROM ${database.schema}.outbox_event`,
    );
    expect(rows).toHaveLength(1);
  });
});

describe("an update of many rows", () => {
  it("adds the events of those whose state changed, in the order of their ids", async () => {
    await prisma.testTicket.createMany({
      data: [{ reference: "a" }, { reference: "b", state: "WORK" }, { reference: "c" }, { reference: "d", version: 5 }],
    });
    const result = await client.$transaction((tx) =>
      tx.testTicket.updateMany({ where: { version: 1 }, data: { state: "WORK", version: { increment: 1 } } }),
    );
    expect(result).toEqual({ count: 3 });
    expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → WORK v2", "ticket 3: OPEN → WORK v2"]);
  });

  it("that answers with the rows answers with what was asked for", async () => {
    await prisma.testTicket.createMany({ data: [{ reference: "a" }, { reference: "b" }] });
    const rows = await client.$transaction((tx) =>
      tx.testTicket.updateManyAndReturn({ data: { state: "CLOSED" }, select: { reference: true } }),
    );
    expect(rows).toEqual([{ reference: "a" }, { reference: "b" }]);
    expect(await told(database)).toHaveLength(2);
  });

  it("changes no more rows than its limit", async () => {
    await prisma.testTicket.createMany({ data: [{ reference: "a" }, { reference: "b" }, { reference: "c" }] });
    const result = await client.$transaction((tx) => tx.testTicket.updateMany({ data: { state: "WORK" }, limit: 2 }));
    expect(result).toEqual({ count: 2 });
    expect(await told(database)).toHaveLength(2);
  });

  it("takes conditions on relations, and on rows with ids of several fields", async () => {
    const queue = await prisma.testQueue.create({ data: { name: "first", tickets: { create: { reference: "a" } } } });
    await newTicket("b");
    await prisma.testParcel.createMany({
      data: Array.from({ length: 2_400 }, (_, index) => ({
        tenant: `t${index % 2}`,
        number: BigInt(index),
        place: "depot",
      })),
    });
    await client.$transaction(async (tx) => {
      await tx.testTicket.updateMany({ where: { queue: { name: queue.name } }, data: { state: "WORK" } });
      expect(await tx.testParcel.updateMany({ where: { tenant: "t1" }, data: { place: "truck" } })).toEqual({
        count: 1_200,
      });
    }, patient);
    const events = await toldInShort(database);
    expect(events).toHaveLength(1_201);
    expect(events.slice(0, 2)).toEqual(["ticket 1: OPEN → WORK v1", "parcel t1:1: depot → truck"]);
  });

  it("of ten thousand is told of by one statement, and of more is refused with nothing written", {
    timeout: 120_000,
  }, async () => {
    const fill = (from: number, count: number) =>
      prisma.testTicket.createMany({
        data: Array.from({ length: count }, (_, index) => ({ reference: `r${from + index}` })),
      });
    await fill(0, 10_000);
    const count = await client.$transaction((tx) => tx.testTicket.updateMany({ data: { state: "WORK" } }), patient);
    expect(count).toEqual({ count: 10_000 });
    expect(await prisma.outboxEvent.count()).toBe(10_000);
    await fill(10_000, 1);
    await client.$transaction(async (tx) => {
      const tooMany = tx.testTicket.updateMany({ data: { state: "CLOSED" } });
      await expect(tooMany).rejects.toMatchObject({
        code: "OUTBOX.TRANSITION_REFUSED",
        message: expect.stringContaining("more than 10000 rows of TestTicket"),
      });
      await tx.testTicket.update({ where: { id: 1 }, data: { state: "OPEN" } });
    }, patient);
    expect(await prisma.testTicket.count({ where: { state: "CLOSED" } })).toBe(0);
    expect(await prisma.outboxEvent.count()).toBe(10_001);
  });
});
