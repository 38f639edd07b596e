import { createPrismaInboxRepository } from "@omni-box/prisma";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PrismaClient } from "./generated/client.js";
import type { TicketState } from "./generated/enums.js";
import type { TestDatabase } from "./open-test-database.js";
import { openTransitionDatabase } from "./open-transition-database.js";
import { told, toldInShort, type WatchedClient, watchedClient } from "./sample-transitions.js";
import { untilWaiting } from "./until-waiting.js";

let database: TestDatabase;
let prisma: PrismaClient;
let client: WatchedClient;
beforeAll(async () => {
  database = await openTransitionDatabase();
  prisma = database.prisma;
  client = watchedClient(database, { includeCreations: true }, database.connect({ connections: 10 }));
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const patient = { maxWait: 30_000, timeout: 30_000 };
const rollBack = new Error("roll back");

/** A transaction that has made its change, and stays open until it is told how to end. */
async function openChange(id: number, state: TicketState, isolationLevel?: "RepeatableRead" | "Serializable") {
  let end: (failure: Error | null) => void = () => undefined;
  const ended = new Promise<Error | null>((resolve) => {
    end = resolve;
  });
  let changed: () => void = () => undefined;
  const isChanged = new Promise<void>((resolve) => {
    changed = resolve;
  });
  const done = client.$transaction(
    async (tx) => {
      // Takes the snapshot that the stricter levels keep.
      await tx.testTicket.count();
      await tx.testTicket.update({ where: { id }, data: { state, version: { increment: 1 } } });
      changed();
      const failure = await ended;
      if (failure !== null) throw failure;
    },
    { ...patient, ...(isolationLevel && { isolationLevel }) },
  );
  done.catch(() => undefined);
  return { isChanged, done, commit: () => end(null), rollBack: () => end(rollBack) };
}

describe("two transactions that change one row", () => {
  beforeEach(() => prisma.testTicket.create({ data: { reference: "a" } }));

  it("tell of a chain: the second waits, and reads the state that the first one has left", async () => {
    const first = await openChange(1, "WORK");
    await first.isChanged;
    const second = await openChange(1, "CLOSED");
    await untilWaiting(database);
    first.commit();
    await second.isChanged;
    second.commit();
    await Promise.all([first.done, second.done]);
    expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → WORK v2", "ticket 1: WORK → CLOSED v3"]);
  });

  it("tell of one change, from the old state, when the first one rolls back", async () => {
    const first = await openChange(1, "WORK");
    await first.isChanged;
    const second = await openChange(1, "CLOSED");
    await untilWaiting(database);
    first.rollBack();
    await second.isChanged;
    second.commit();
    await second.done;
    await expect(first.done).rejects.toBe(rollBack);
    expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → CLOSED v2"]);
  });

  it.each(["RepeatableRead", "Serializable"] as const)(
    "under %s collide as PostgreSQL has it, and nothing is told of the one that lost",
    async (level) => {
      const first = await openChange(1, "WORK", level);
      await first.isChanged;
      const second = await openChange(1, "CLOSED", level);
      await untilWaiting(database);
      first.commit();
      await expect(second.done).rejects.toMatchObject({
        meta: { driverAdapterError: { cause: { originalCode: "40001" } } },
      });
      await first.done;
      expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → WORK v2"]);
    },
  );

  it("a row that no longer meets the condition when its lock is granted is neither changed nor told of", async () => {
    await prisma.testTicket.create({ data: { reference: "b" } });
    const first = await openChange(1, "CLOSED");
    await first.isChanged;
    const second = client.$transaction(
      (tx) => tx.testTicket.updateMany({ where: { state: "OPEN" }, data: { state: "WORK" } }),
      patient,
    );
    await untilWaiting(database);
    first.commit();
    await first.done;
    expect(await second).toEqual({ count: 1 });
    expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → CLOSED v2", "ticket 2: OPEN → WORK v1"]);
  });

  it("a row that another transaction deletes meanwhile is not there", async () => {
    let deleted: () => void = () => undefined;
    const isDeleted = new Promise<void>((resolve) => {
      deleted = resolve;
    });
    let commit: () => void = () => undefined;
    const mayCommit = new Promise<void>((resolve) => {
      commit = resolve;
    });
    const first = prisma.$transaction(async (tx) => {
      await tx.testTicket.delete({ where: { id: 1 } });
      deleted();
      await mayCommit;
    }, patient);
    await isDeleted;
    const second = openChange(1, "WORK").then(({ done }) => done);
    const outcome = expect(second).rejects.toMatchObject({ code: "P2025" });
    await untilWaiting(database);
    commit();
    await first;
    await outcome;
    expect(await told(database)).toEqual([]);
  });

  it("does not keep rows from being inserted that refer to the changed one", async () => {
    const first = await openChange(1, "WORK");
    await first.isChanged;
    await prisma.testTicket.create({ data: { reference: "part", parentId: 1 } });
    first.commit();
    await first.done;
    expect(await told(database)).toHaveLength(1);
  });
});

it("a connection that is cut between the change and its event takes both", async () => {
  await prisma.testTicket.create({ data: { reference: "a" } });
  let release: () => void = () => undefined;
  const isReleased = new Promise<void>((resolve) => {
    release = resolve;
  });
  let locked: () => void = () => undefined;
  const isLocked = new Promise<void>((resolve) => {
    locked = resolve;
  });
  const holder = prisma.$transaction(async (tx) => {
    await tx.$executeRawUnsafe(`LOCK TABLE ${database.schema}.outbox_event IN EXCLUSIVE MODE`);
    locked();
    await isReleased;
  }, patient);
  await isLocked;
  const change = openChange(1, "WORK").then(({ done }) => done);
  const outcome = expect(change).rejects.toThrow();
  await untilWaiting(database);
  const cut = await prisma.$queryRawUnsafe<object[]>(
    `SELECT pg_terminate_backend(pid) AS cut FROM pg_stat_activity
     WHERE wait_event_type = 'Lock' AND query LIKE '%INSERT INTO%' AND query LIKE $1`,
    `%${database.schema}%`,
  );
  expect(cut).toEqual([{ cut: true }]);
  await outcome;
  release();
  await holder;
  expect((await prisma.testTicket.findFirstOrThrow()).state).toBe("OPEN");
  expect(await told(database)).toEqual([]);
});

it("a handler of the inbox changes states in the transaction of its message", async () => {
  await prisma.testTicket.create({ data: { reference: "a" } });
  const inbox = createPrismaInboxRepository(client, { schema: database.schema });
  const handle = (failure?: Error) =>
    inbox.transaction(
      async ({ client: tx }) => {
        await tx.testTicket.update({ where: { id: 1 }, data: { state: "WORK" } });
        if (failure !== undefined) throw failure;
      },
      { timeoutMs: 20_000 },
    );
  await expect(handle(rollBack)).rejects.toBe(rollBack);
  expect(await told(database)).toEqual([]);
  await handle();
  expect(await toldInShort(database)).toEqual(["ticket 1: OPEN → WORK v1"]);
});

const references = ["a", "b", "c"] as const;
const states = ["OPEN", "WORK", "CLOSED"] as const;
const reference = fc.constantFrom(...references);
const state = fc.constantFrom(...states);
/** One operation of a transaction; of several rows, or of one. */
const step = fc.oneof(
  fc.record({ kind: fc.constant("update" as const), reference, state }),
  fc.record({ kind: fc.constant("updateMany" as const), from: state, state }),
  fc.record({ kind: fc.constant("upsert" as const), reference, state }),
  fc.record({ kind: fc.constant("nested" as const), reference, state, isKept: fc.boolean() }),
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;
/** What each of several connections does, one transaction after the other. */
const schedule = fc.array(
  fc.array(fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 3 }), isKept: fc.boolean() }), {
    minLength: 1,
    maxLength: 4,
  }),
  { minLength: 2, maxLength: 5 },
);

type Transaction = Parameters<Parameters<WatchedClient["$transaction"]>[0]>[0];

async function take(tx: Transaction, given: Step): Promise<void> {
  const data = { state: given.state, version: { increment: 1 } };
  if (given.kind === "update") await tx.testTicket.update({ where: { reference: given.reference }, data });
  if (given.kind === "updateMany") await tx.testTicket.updateMany({ where: { state: given.from }, data });
  if (given.kind === "upsert") {
    const key = { reference: given.reference };
    await tx.testTicket.upsert({ where: key, create: { ...key, state: given.state }, update: data });
  }
  if (given.kind === "nested") {
    await tx
      .$transaction(async (inner) => {
        await take(inner, { kind: "update", reference: given.reference, state: given.state });
        if (!given.isKept) throw rollBack;
      })
      .catch((error: unknown) => {
        if (error !== rollBack) throw error;
      });
  }
}

/** Transactions that lock several rows in opposite order may end in a deadlock, which is the application's to repeat. */
const isCollision = (error: unknown) =>
  /40P01|40001|P2034/.test(JSON.stringify(error) + String(Reflect.get(Object(error), "code")));

describe("any transactions of several connections that change the same rows", () => {
  it("tell of chains without a gap, in the order of seq, that end in the state of each row", {
    timeout: 300_000,
  }, async () => {
    const run = async (given: typeof schedule extends fc.Arbitrary<infer Value> ? Value : never) => {
      await database.empty();
      const created = client.$transaction((tx) =>
        tx.testTicket.createManyAndReturn({ data: references.slice(0, 2).map((name) => ({ reference: name })) }),
      );
      await created;
      const missing = (error: unknown) => Reflect.get(Object(error), "code") === "P2025";
      await Promise.all(
        given.map(async (transactions) => {
          for (const { steps, isKept } of transactions) {
            const done = client.$transaction(async (tx) => {
              for (const each of steps) await take(tx, each);
              if (!isKept) throw rollBack;
            }, patient);
            await done.catch((error: unknown) => {
              if (error !== rollBack && !missing(error) && !isCollision(error)) throw error;
            });
          }
        }),
      );
      const rows = await prisma.testTicket.findMany();
      const events = await told(database);
      for (const { id, state: last, version } of rows) {
        const chain = events.filter(({ aggregateId }) => aggregateId === String(id));
        expect(chain[0]?.fromState).toBeNull();
        for (const [index, { fromState, version: next }] of chain.slice(1).entries()) {
          expect(fromState).toBe(chain[index]?.toState);
          expect(Number(next)).toBeGreaterThan(Number(chain[index]?.version));
        }
        expect(chain.at(-1)?.toState).toBe(last);
        expect(Number(chain.at(-1)?.version)).toBeLessThanOrEqual(version);
      }
      const ids = new Set(rows.map(({ id }) => String(id)));
      expect(events.filter(({ aggregateId }) => !ids.has(aggregateId))).toEqual([]);
    };
    await fc.assert(fc.asyncProperty(schedule, run), { numRuns: 25, endOnFailure: true });
  });
});
