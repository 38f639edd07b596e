import { partitionBucket } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { PrismaClient } from "./generated/client.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { sampleEvent, sampleEvents } from "./sample-event.js";

let database: TestDatabase;
let prisma: PrismaClient;
let inOrder: ReturnType<typeof repository>;
beforeAll(async () => {
  database = await openTestDatabase();
  prisma = database.prisma;
  inOrder = repository(true);
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const repository = (lockKeys: boolean) => createPrismaOutboxRepository(prisma, { schema: database.schema, lockKeys });
const eventOf = (key: string) => sampleEvent({ aggregateId: key });
/** One event is inserted by another statement than several. */
const counts = [["one event", 1] as const, ["several events", 3] as const];
const storedSeqs = async () => (await prisma.outboxEvent.findMany({ orderBy: { seq: "asc" } })).map(({ seq }) => seq);
const rollBack = new Error("roll back");
/** More than Prisma's 2 and 5 seconds: these transactions wait for one another. */
const patient = { maxWait: 30_000, timeout: 30_000 };

/** Everything that holds or waits for a lock of `add`, of any schema of the database. */
const locks = () =>
  prisma.$queryRawUnsafe<{ pid: number; granted: boolean }[]>(
    `SELECT pid, granted FROM pg_locks WHERE locktype = 'advisory' AND classid = x'6f6d6e69'::int::oid`,
  );

/** A transaction that has added `count` events of the key, and stays open until it is told how to end. */
async function openWriter(key: string, count: number, outbox = inOrder) {
  let end: (failure: Error | null) => void = () => undefined;
  const ended = new Promise<Error | null>((resolve) => {
    end = resolve;
  });
  let added: (seqs: readonly bigint[]) => void = () => undefined;
  const seqs = new Promise<readonly bigint[]>((resolve) => {
    added = resolve;
  });
  let started: (pid: number) => void = () => undefined;
  const pid = new Promise<number>((resolve) => {
    started = resolve;
  });
  const done = prisma.$transaction(async (tx) => {
    const [backend] = await tx.$queryRawUnsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid");
    started(backend?.pid ?? 0);
    const events = await outbox.add(
      tx,
      Array.from({ length: count }, () => eventOf(key)),
    );
    added(events.map(({ seq }) => seq ?? 0n));
    const failure = await ended;
    if (failure !== null) throw failure;
  }, patient);
  const backend = await pid;
  return {
    /** In the order of the events. */
    seqs,
    async commit() {
      end(null);
      await done;
    },
    async rollBack() {
      end(rollBack);
      await expect(done).rejects.toBe(rollBack);
    },
    waits: () =>
      vi.waitFor(
        async () => expect((await locks()).some(({ pid, granted }) => pid === backend && !granted)).toBe(true),
        { timeout: 10_000, interval: 5 },
      ),
  };
}

describe.each(counts)("two writers of one key with %s each, of which the second would commit first", (_name, count) => {
  it("commit against the order of seq when nothing is locked", async () => {
    const first = await openWriter("order-1", count, repository(false));
    const firstSeqs = await first.seqs;
    const second = await openWriter("order-1", count, repository(false));
    const secondSeqs = await second.seqs;
    await second.commit();
    const visible = await storedSeqs();
    await first.commit();
    expect(Number(secondSeqs.at(0))).toBeGreaterThan(Number(firstSeqs.at(-1)));
    expect(visible).toEqual(secondSeqs);
  });

  it("commit in the order of seq with lockKeys: the second waits for the first", async () => {
    const first = await openWriter("order-1", count);
    const firstSeqs = await first.seqs;
    const second = await openWriter("order-1", count);
    await second.waits();
    expect(await storedSeqs()).toEqual([]);
    await first.commit();
    const secondSeqs = await second.seqs;
    expect(Number(secondSeqs.at(0))).toBeGreaterThan(Number(firstSeqs.at(-1)));
    expect(await storedSeqs()).toEqual(firstSeqs);
    await second.commit();
    expect(await storedSeqs()).toEqual([...firstSeqs, ...secondSeqs]);
  });

  it("let the second go on when the first rolls back", async () => {
    const first = await openWriter("order-1", count);
    await first.seqs;
    const second = await openWriter("order-1", count);
    await second.waits();
    await first.rollBack();
    const seqs = await second.seqs;
    await second.commit();
    expect(await storedSeqs()).toEqual(seqs);
  });

  it("draw seq when they hold the lock, and not when they begin to wait", async () => {
    const holder = await openWriter("order-1", count);
    await holder.seqs;
    const waiting = await openWriter("order-1", count);
    await waiting.waits();
    const other = await openWriter("order-2", count);
    const otherSeqs = await other.seqs;
    await other.commit();
    await holder.commit();
    expect(Number((await waiting.seqs).at(0))).toBeGreaterThan(Number(otherSeqs.at(-1)));
    await waiting.commit();
  });
});

it.each([
  [1, 3],
  [3, 1],
])("a writer of %i events of a key keeps one of %i events of it waiting, with lockKeys", async (count, otherCount) => {
  const first = await openWriter("order-1", count);
  const firstSeqs = await first.seqs;
  const second = await openWriter("order-1", otherCount);
  await second.waits();
  await first.commit();
  const secondSeqs = await second.seqs;
  await second.commit();
  expect(await storedSeqs()).toEqual([...firstSeqs, ...secondSeqs]);
});

describe("add with lockKeys", () => {
  it("is one statement, as without, for one event and for a thousand", async () => {
    const statements: string[] = [];
    const logged = database.connect({ logQueries: (sql) => statements.push(sql) });
    for (const count of [1, 1_000]) {
      statements.length = 0;
      const drafts = sampleEvents(count);
      const added = await logged.$transaction((tx) => inOrder.add(tx, drafts));
      expect(statements.filter((sql) => sql !== "COMMIT")).toHaveLength(1);
      expect(added.map(({ id }) => id)).toEqual(drafts.map(({ id }) => id));
      const stored = await prisma.outboxEvent.findMany({ orderBy: { seq: "desc" }, take: count });
      expect(stored.map(({ id }) => id).reverse()).toEqual(drafts.map(({ id }) => id));
    }
  });

  it("locks what it adds in a nested transaction until that is rolled back", async () => {
    await prisma.$transaction(async (tx) => {
      const nested = tx.$transaction(async (savepoint) => {
        await inOrder.add(savepoint, [eventOf("order-1")]);
        throw rollBack;
      });
      await expect(nested).rejects.toBe(rollBack);
      const other = await openWriter("order-1", 1);
      expect(await other.seqs).toHaveLength(1);
      await other.commit();
    });
  });

  it("takes a bounded number of locks, however many keys there are, and leaves none behind", async () => {
    await prisma.$transaction(async (tx) => {
      const [backend] = await tx.$queryRawUnsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid");
      const held = async () => (await locks()).filter(({ pid }) => pid === backend?.pid).length;
      await inOrder.add(tx, sampleEvents(10_000));
      expect(await held()).toBe(1_024);
      await inOrder.add(
        tx,
        Array.from({ length: 10_000 }, (_, index) => eventOf(`invoice-${index}`)),
      );
      expect(await held()).toBe(1_024);
    }, patient);
    expect(await prisma.outboxEvent.count()).toBe(20_000);
    const [{ pid } = { pid: 0 }] = await prisma.$queryRawUnsafe<{ pid: number }[]>("SELECT pg_backend_pid() AS pid");
    expect((await locks()).filter((lock) => lock.pid === pid)).toEqual([]);
  });

  it("lets two calls with the same keys in opposite order wait for each other's end, and not for each other", async () => {
    const keys = Array.from({ length: 200 }, (_, index) => `order-${index}`);
    const add = (given: readonly string[]) => prisma.$transaction((tx) => inOrder.add(tx, given.map(eventOf)), patient);
    await Promise.all(Array.from({ length: 8 }, (_, index) => add(index % 2 === 0 ? keys : keys.toReversed())));
    expect(await prisma.outboxEvent.count()).toBe(1_600);
  });

  it("hands a deadlock of two transactions that add twice, in opposite order, to the application, whose repetition succeeds", async () => {
    const [one, other] = keysOfDifferentSlots();
    const bothHold = gate(2);
    const attempt = (first: string, second: string, meet: () => Promise<void>) =>
      prisma.$transaction(async (tx) => {
        await inOrder.add(tx, [eventOf(first)]);
        await meet();
        await inOrder.add(tx, [eventOf(second)]);
      }, patient);
    const results = await Promise.allSettled([attempt(one, other, bothHold), attempt(other, one, bothHold)]);
    const failures = results.filter((result) => result.status === "rejected");
    expect(failures).toHaveLength(1);
    expect(failures[0]?.reason).not.toMatchObject({ name: "OmniBoxError" });
    expect(JSON.stringify(failures[0]?.reason)).toContain("40P01");
    expect(await prisma.outboxEvent.count()).toBe(2);
    await attempt(other, one, async () => undefined);
    expect(await prisma.outboxEvent.count()).toBe(4);
  });
});

describe("many writers of few keys, which stay open for different times after their add", () => {
  it.each([
    ["are seen to commit against the order of seq", false],
    ["are never seen to commit against the order of seq, with lockKeys", true],
  ])("%s", async (_name, lockKeys) => {
    const outbox = repository(lockKeys);
    const watcher = database.connect({ connections: 1 });
    let isWriting = true;
    let inversions = 0;
    const watch = async () => {
      const newest = new Map<string, bigint>();
      const seen = new Set<bigint>();
      for (let isLast = false; !isLast; ) {
        isLast = !isWriting;
        const rows = await watcher.outboxEvent.findMany({
          orderBy: { seq: "asc" },
          select: { seq: true, partitionKey: true },
        });
        for (const { seq, partitionKey } of rows) {
          if (seen.has(seq)) continue;
          seen.add(seq);
          const before = newest.get(partitionKey) ?? 0n;
          if (seq < before) inversions += 1;
          else newest.set(partitionKey, seq);
        }
      }
      return seen.size;
    };
    const watching = watch();
    const writer = async (index: number) => {
      for (let turn = 0; turn < 30; turn += 1) {
        await prisma.$transaction(async (tx) => {
          await outbox.add(tx, [eventOf(`order-${(index + turn) % 2}`)]);
          // Every third one is slow to commit.
          if ((index + turn) % 3 === 0) await tx.$queryRawUnsafe("SELECT pg_sleep(0.02)::text");
        }, patient);
      }
    };
    await Promise.all(Array.from({ length: 8 }, (_, index) => writer(index)));
    isWriting = false;
    expect(await watching).toBe(240);
    if (lockKeys) expect(inversions).toBe(0);
    else expect(inversions).toBeGreaterThan(0);
  });
});

it("lists a wrong option", () => {
  const create = () => createPrismaOutboxRepository(prisma, { lockKeys: "yes" as never });
  expect(create).toThrow(/lockKeys/);
});

/** Two keys that do not share a lock. */
function keysOfDifferentSlots(): [string, string] {
  const [one, other] = ["order-1", "order-2"];
  expect(partitionBucket(one, 1_024)).not.toBe(partitionBucket(other, 1_024));
  return [one, other];
}

/** Resolves for all when `count` have come. */
function gate(count: number): () => Promise<void> {
  let missing = count;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return () => {
    missing -= 1;
    if (missing === 0) open();
    return opened;
  };
}
