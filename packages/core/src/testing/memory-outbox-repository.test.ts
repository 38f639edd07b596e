import { describe, expect, it } from "vitest";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import { createOutboxEvent, type OutboxEventInput } from "../events/create-outbox-event.js";
import { createManualClock } from "./manual-clock.js";
import { createMemoryOutboxRepository } from "./memory-outbox-repository.js";

function draft(fields: Partial<OutboxEventInput> = {}) {
  return createOutboxEvent({
    type: "order.placed",
    schemaVersion: "1",
    topic: "orders",
    aggregateType: "order",
    aggregateId: "1",
    payload: {},
    ...fields,
  });
}

// What every repository promises is tested by the conformance kit; here is what only this one promises.

describe("transactions of the in-memory repository", () => {
  it("give seq at the insert, so that a later commit may have the lower one", async () => {
    const repository = createMemoryOutboxRepository();
    const seen: bigint[][] = [];
    await repository.transaction(async (slow) => {
      await repository.add(slow, [draft()]);
      await repository.transaction((quick) => repository.add(quick, [draft()]));
      seen.push(repository.all().map(({ seq }) => seq));
    });
    seen.push(repository.all().map(({ seq }) => seq));
    expect(seen).toEqual([[2n], [1n, 2n]]);
  });

  it("cannot be used after their end", async () => {
    const repository = createMemoryOutboxRepository();
    const ended = await repository.transaction(async (tx) => tx);
    await expect(repository.add(ended, [draft()])).rejects.toSatisfy((error) =>
      isOmniBoxError(error, "STORE.TRANSACTION_FAILED"),
    );
  });

  it("that wait for each other end with STORE.CONFLICT for one, and the other commits", async () => {
    const repository = createMemoryOutboxRepository();
    const run = (mine: string, other: string) =>
      repository.transaction(async (tx) => {
        await repository.add(tx, [draft({ idempotencyKey: mine })]);
        await repository.add(tx, [draft({ idempotencyKey: other })]);
      });
    const [first, second] = await Promise.allSettled([run("a", "b"), run("b", "a")]);
    expect([first.status, second.status].sort()).toEqual(["fulfilled", "rejected"]);
    const failure = first.status === "rejected" ? first.reason : second.status === "rejected" ? second.reason : null;
    expect(isOmniBoxError(failure, "STORE.CONFLICT")).toBe(true);
    expect(repository.all()).toHaveLength(2);
  });

  it("do not commit when a statement in them failed, although the work went on as if nothing had happened", async () => {
    const repository = createMemoryOutboxRepository();
    const swallowing = repository.transaction(async (failing) => {
      await repository.add(failing, [draft({ idempotencyKey: "a", payload: { by: "failing" } })]);
      const other = repository.transaction(async (tx) => {
        await repository.add(tx, [draft({ idempotencyKey: "b", payload: { by: "other" } })]);
        await repository.add(tx, [draft({ idempotencyKey: "a", payload: { by: "other" } })]);
      });
      // By then the other one waits for this one.
      await new Promise((resolve) => setImmediate(resolve));
      await repository.add(failing, [draft({ idempotencyKey: "b" })]).catch(() => "swallowed");
      await other;
    });
    await expect(swallowing).rejects.toSatisfy((error) => isOmniBoxError(error, "STORE.TRANSACTION_FAILED"));
    expect(repository.all().map(({ payload }) => payload)).toEqual([{ by: "other" }, { by: "other" }]);
  });

  it("are told from the client outside, whose events are committed at once", async () => {
    const repository = createMemoryOutboxRepository();
    expect(repository.isTransaction(repository.client)).toBe(false);
    await repository.add(repository.client, [draft()]);
    expect(repository.all()).toHaveLength(1);
  });

  it("serve all in-memory repositories, whose events commit together or not at all", async () => {
    const [first, second] = [createMemoryOutboxRepository(), createMemoryOutboxRepository()];
    const failing = first.transaction(async (tx) => {
      await Promise.all([first.add(tx, [draft()]), second.add(tx, [draft()])]);
      throw new Error("rolled back");
    });
    await expect(failing).rejects.toThrow("rolled back");
    expect([first.all(), second.all()]).toEqual([[], []]);
    await first.transaction((tx) => Promise.all([first.add(tx, [draft()]), second.add(tx, [draft()])]));
    expect([first.all().length, second.all().length]).toEqual([1, 1]);
  });

  it("are the only thing, besides its own client, that it adds to", async () => {
    const repository = createMemoryOutboxRepository();
    const foreign = createMemoryOutboxRepository().client;
    await expect(repository.add(foreign, [draft()])).rejects.toSatisfy((error) =>
      isOmniBoxError(error, "CONFIG.TRANSACTION_REQUIRED"),
    );
  });
});

describe("the in-memory repository", () => {
  it("marks an event as suspect when its lease ran out without an outcome, and clears that with any outcome", async () => {
    const clock = createManualClock();
    const repository = createMemoryOutboxRepository({ clock });
    await repository.add(repository.client, [draft()]);
    const claim = () => repository.claim({ limit: 1, token: "t", workerId: "w", leaseMs: 500 });
    const [first] = await claim();
    await clock.advance(500);
    const [again] = await claim();
    expect([first?.startedAttempts, again?.startedAttempts]).toEqual([0, 1]);
    const rows = [again].flatMap((event) => event ?? []);
    await repository.recordPending(
      { kind: "lease", token: "t" },
      rows.map(({ id, seq }) => ({ id, seq, attemptsMade: 1, startedAttempts: 0, delayMs: null, error: null })),
    );
    expect(repository.all()[0]?.startedAttempts).toBe(0);
  });

  it("limits a claim to the earliest pending event of each key when asked to, whether that one can be had or not", async () => {
    const repository = createMemoryOutboxRepository();
    const drafts = ["a", "a", "b"].map((aggregateId) => draft({ aggregateId }));
    await repository.add(repository.client, drafts);
    const claim = () => repository.claim({ limit: 9, token: "t", workerId: "w", leaseMs: 500, keyHeadsOnly: true });
    expect((await claim()).map(({ seq }) => seq)).toEqual([1n, 3n]);
    expect(await claim()).toEqual([]);
    await repository.recordCompleted({ kind: "lease", token: "t" }, [{ id: drafts[0]?.id ?? "", seq: 1n }]);
    expect((await claim()).map(({ seq }) => seq)).toEqual([2n]);
  });

  it("dates everything by its clock", async () => {
    const clock = createManualClock(Date.UTC(2026, 5, 1));
    const repository = createMemoryOutboxRepository({ clock });
    await repository.add(repository.client, [draft()]);
    await clock.advance(1_000);
    const [event] = await repository.claim({ limit: 1, token: "t", workerId: "w", leaseMs: 500 });
    expect(event?.createdAt).toEqual(new Date(Date.UTC(2026, 5, 1)));
    expect(event?.lease?.until).toEqual(new Date(Date.UTC(2026, 5, 1) + 1_500));
  });

  it("returns events as they were: later changes do not show in them", async () => {
    const repository = createMemoryOutboxRepository();
    await repository.add(repository.client, [draft()]);
    const [before] = repository.all();
    await repository.claim({ limit: 1, token: "t", workerId: "w", leaseMs: 500 });
    expect(before?.lease).toBeNull();
    expect(repository.all()[0]?.lease?.token).toBe("t");
  });

  it("spreads keys over its own number of buckets", async () => {
    const repository = createMemoryOutboxRepository({ bucketCount: 2 });
    await repository.add(
      repository.client,
      Array.from({ length: 20 }, (_, index) => draft({ aggregateId: `order-${index}` })),
    );
    expect(new Set(repository.all().map(({ bucket }) => bucket))).toEqual(new Set([0, 1]));
  });

  it("reports all bad options at once", () => {
    const create = () => createMemoryOutboxRepository({ bucketCount: 0, onPublished: "burn", shards: 3 } as never);
    expect(create).toThrowError(/bucketCount.*onPublished|onPublished.*bucketCount/s);
    expect(create).toThrowError(/unknown option "shards"/);
  });
});
