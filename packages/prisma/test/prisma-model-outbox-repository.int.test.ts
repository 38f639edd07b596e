import {
  createProcessorBuilder,
  type EventHandler,
  leased,
  type OutboxEvent,
  optimistic,
  outcome,
  singleCommit,
} from "@omni-box/core";
import { createManualClock } from "@omni-box/core/testing";
import { createPrismaModelOutboxRepository } from "@omni-box/prisma";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { refOf, sampleEvent, sampleEvents } from "./sample-event.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const repository = (options: object = {}) => createPrismaModelOutboxRepository(database.prisma, options);

describe("the repository over the generated models", () => {
  it("serves a processor that fetches optimistically and commits one by one", async () => {
    const store = repository();
    await database.prisma.$transaction((tx) => store.add(tx, sampleEvents(5)));
    const handled: string[] = [];
    const processor = createProcessorBuilder(store)
      .fetch(optimistic())
      .handle(noted(handled))
      .commit(singleCommit())
      .build();
    await processor.processBatch({ workerId: "w", batchSize: 10 });
    expect(handled).toHaveLength(5);
    expect(await database.prisma.outboxEvent.count()).toBe(0);
  });

  it("cannot be given a strategy that needs more, which is said at construction", () => {
    expect(() =>
      createProcessorBuilder(repository()).fetch(leased()).handle(noted([])).commit(singleCommit()).build(),
    ).toThrow(/CONFIG\.UNSUPPORTED_CAPABILITY/);
  });

  it("sends no SQL of its own", async () => {
    const { outboxEvent, outboxSetting } = database.prisma;
    const raw = () => {
      throw new Error("raw SQL was used");
    };
    const withoutRaw = { outboxEvent, outboxSetting, $connect: raw, $queryRawUnsafe: raw, $executeRawUnsafe: raw };
    const store = createPrismaModelOutboxRepository(withoutRaw);
    await database.prisma.$transaction(({ outboxEvent, outboxSetting }) =>
      store.add({ outboxEvent, outboxSetting }, sampleEvents(2)),
    );
    const token = crypto.randomUUID();
    const [due] = await store.findDue({ limit: 1 });
    const locked = await store.lock(due?.id ?? "", { token, workerId: "w", leaseMs: 1_000 });
    if (locked === null) throw new Error("not locked");
    expect(await store.recordCompleted({ kind: "lease", token }, [refOf(locked)])).toEqual({ missing: [] });
  });

  it("goes by the clock that it is given", async () => {
    const clock = createManualClock(Date.now());
    const store = repository({ clock });
    await database.prisma.$transaction((tx) =>
      store.add(tx, [sampleEvent({ scheduledAt: new Date(Date.now() + 60_000) })]),
    );
    expect(await store.findDue({ limit: 1 })).toEqual([]);
    await clock.advance(61_000);
    expect(await store.findDue({ limit: 1 })).toHaveLength(1);
  });

  it.each([true, false])("recognises stored events with skipDuplicates: %s", async (skipDuplicates) => {
    const store = repository({ skipDuplicates });
    const [plain, keyed] = [sampleEvent(), sampleEvent({ idempotencyKey: "payment-1" })];
    const add = () => database.prisma.$transaction((tx) => store.add(tx, [plain, keyed, plain]));
    expect((await add()).map(({ duplicate }) => duplicate)).toEqual([false, false, true]);
    expect((await add()).map(({ duplicate }) => duplicate)).toEqual([true, true, true]);
  });

  it("keeps seq in the order given when events with and without a key are mixed", async () => {
    const drafts = [0, 1, 2, 3, 4, 5].map((n) => sampleEvent(n % 3 === 1 ? { idempotencyKey: `key-${n}` } : {}));
    const added = await database.prisma.$transaction((tx) => repository().add(tx, drafts));
    const seqs = added.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => Number((a ?? 0n) - (b ?? 0n))));
    expect(new Set(seqs).size).toBe(6);
  });

  it("refuses another bucket count before it writes anything", async () => {
    await database.prisma.$transaction(async (tx) => {
      await expect(repository({ bucketCount: 8 }).add(tx, [sampleEvent()])).rejects.toMatchObject({
        code: "CONFIG.STORE_NOT_READY",
      });
      await tx.testOrder.create({ data: { customer: "Ada", totalCents: 1 } });
    });
    expect(await database.prisma.outboxEvent.count()).toBe(0);
  });
});

/** Completes every event and notes its id. */
function noted(ids: string[]): EventHandler<OutboxEvent> {
  return {
    name: "noted",
    requiredLeaseMs: 1_000,
    async handle({ id }) {
      ids.push(id);
      return outcome.completed();
    },
  };
}
