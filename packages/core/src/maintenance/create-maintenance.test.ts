import { describe, expect, it } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { driveUntil, driveUntilSettled } from "../../test/drive-clock.js";
import { failAgain, storeFailedEvents } from "../../test/failed-events.js";
import { createGate } from "../../test/gate.js";
import { observeAdministration } from "../../test/observed-administration.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { DistributedLock, HeldLock } from "../protocols/distributed-lock.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { createMaintenance } from "./create-maintenance.js";
import type { MaintainedStore, MaintenanceOptions } from "./maintenance-options.js";

const msPerDay = 86_400_000;
const unreachable = new OmniBoxError("STORE.UNREACHABLE", "no connection");

function createFixture(options: Partial<MaintenanceOptions> = {}, store: Partial<MaintainedStore<never>> = {}) {
  const clock = createManualClock();
  const repository = createMemoryOutboxRepository({ clock, onPublished: "keep" });
  const administration = observeAdministration(repository.administration);
  const logger = captureLogger();
  const create = (more: Partial<MaintenanceOptions> = {}) =>
    createMaintenance({ outbox: { administration, ...store }, clock, logger, ...options, ...more });
  return {
    clock,
    repository,
    administration,
    logger,
    create,
    maintenance: create(),
    settle: <T>(promise: Promise<T>) => driveUntilSettled(clock, promise, { stepMs: 10 }),
    until: (isTrue: () => boolean) => driveUntil(clock, isTrue, { stepMs: 1_000 }),
    statuses: () => repository.all().map(({ status }) => status),
    async complete(events: readonly { readonly id: string; readonly seq: bigint }[]) {
      for (const { id, seq } of events) {
        await repository.lock(id, { token: id, workerId: "w", leaseMs: 1_000 });
        await repository.recordCompleted({ kind: "lease", token: id }, [{ id, seq }]);
      }
    },
  };
}

describe("retention", () => {
  it("removes completed events after their time, in batches, and nothing else", async () => {
    const { clock, repository, administration, maintenance, complete, settle, statuses } = createFixture({
      batchSize: 2,
    });
    await complete(await storeEvents(repository, sampleDrafts(5)));
    await storeFailedEvents(repository, [sampleDraft({ aggregateId: "failed" })]);
    await storeEvents(repository, [sampleDraft({ aggregateId: "waiting" })]);
    await clock.advance(msPerDay - 1);
    expect((await settle(maintenance.runOnce()))?.outbox).toMatchObject({ removedCompleted: 0 });
    await clock.advance(1);
    const report = await settle(maintenance.runOnce());
    expect(report).toMatchObject({ isComplete: true, failures: [], outbox: { removedCompleted: 5, removedFailed: 0 } });
    expect(statuses()).toEqual(["failed", "pending"]);
    expect(administration.argsOf("removeOld").slice(1)).toEqual(
      new Array(3).fill([{ status: "completed", olderThanMs: msPerDay, limit: 2 }]),
    );
  });

  it("keeps events of a status for ever where it is told so, and removes failed ones where it is told so", async () => {
    const fixture = createFixture({}, { keepCompletedDays: null, keepFailedDays: 0.5 });
    await fixture.complete(await storeEvents(fixture.repository, sampleDrafts(2)));
    await storeFailedEvents(fixture.repository, [sampleDraft({ aggregateId: "failed" })]);
    await fixture.clock.advance(msPerDay / 2);
    const report = await fixture.settle(fixture.maintenance.runOnce());
    expect(report?.outbox).toMatchObject({ removedCompleted: 0, removedFailed: 1 });
    expect(fixture.statuses()).toEqual(["completed", "completed"]);
  });

  it("keeps failed events until their dead letter is published, where it is told so", async () => {
    const fixture = createFixture({}, { keepFailedDays: 1, keepUntilDeadLettered: true });
    const { repository, administration, clock } = fixture;
    await storeFailedEvents(repository, sampleDrafts(2));
    const [letter] = await administration.takeDeadLetters({ limit: 1, leaseMs: 1_000 });
    if (letter === undefined) throw new Error("a letter was expected");
    await administration.recordDeadLettered([{ ...letter.event, failedAt: letter.failedAt }]);
    await clock.advance(2 * msPerDay);
    expect((await fixture.settle(fixture.maintenance.runOnce()))?.outbox).toMatchObject({ removedFailed: 1 });
    expect(repository.all().map(({ aggregateId }) => aggregateId)).toEqual(["order-2"]);
  });

  it("keeps an inbox for a week unless told otherwise", async () => {
    const { administration, create, settle } = createFixture();
    await settle(create({ outbox: undefined, inbox: { administration } as never }).runOnce());
    expect(administration.argsOf("removeOld")).toEqual([
      [{ status: "completed", olderThanMs: defaults.keepCompletedInboxDays * msPerDay, limit: 1_000 }],
    ]);
  });
});

describe("leases that have run out", () => {
  it("are taken away, however many they are", async () => {
    const { clock, repository, maintenance, settle } = createFixture({ batchSize: 2 });
    await storeEvents(repository, sampleDrafts(5));
    await repository.claim({ limit: 5, token: "t", workerId: "w", leaseMs: 1_000 });
    await clock.advance(1_000);
    expect((await settle(maintenance.runOnce()))?.outbox?.releasedLeases).toBe(5);
    expect(repository.all().every(({ lease }) => lease === null)).toBe(true);
  });
});

describe("a requeue rule", () => {
  const hour = 3_600_000;
  const rule = { codes: ["BROKER.UNROUTABLE"], afterMs: hour };

  it("requeues events that failed with its code that long ago, keeps their seq, and says why in their history", async () => {
    const { clock, repository, maintenance, administration, settle } = createFixture({}, { requeue: [rule] });
    const [old] = await storeFailedEvents(repository, [sampleDraft()]);
    await storeFailedEvents(repository, [sampleDraft()], "INBOX.HANDLER_FAILED: over BROKER.UNROUTABLE, it says");
    await clock.advance(hour / 2);
    await storeFailedEvents(repository, [sampleDraft()]);
    await clock.advance(hour / 2);
    expect((await settle(maintenance.runOnce()))?.outbox?.requeued).toBe(1);
    expect(repository.all()).toMatchObject([
      { status: "pending", attemptsMade: 0, seq: old?.seq },
      { status: "failed" },
      { status: "failed" },
    ]);
    expect((await administration.find(old?.id ?? ""))?.history.at(-1)).toMatchObject({
      what: "requeued",
      note: "by a rule of the maintenance, 3600000 ms after it had failed: BROKER.UNROUTABLE",
    });
  });

  it("goes through many failed events page by page, and leaves those alone that are of other types or failed lately", async () => {
    const { clock, repository, maintenance, settle } = createFixture(
      { batchSize: 3 },
      { requeue: [{ types: ["order.placed"], afterMs: hour }] },
    );
    const slow = await storeEvents(repository, sampleDrafts(4));
    await storeFailedEvents(repository, [...sampleDrafts(4), sampleDraft({ type: "other" }), ...sampleDrafts(4)]);
    await clock.advance(hour);
    for (const event of slow) await failAgain(repository, event, "BROKER.NACKED: just now");
    expect((await settle(maintenance.runOnce()))?.outbox?.requeued).toBe(8);
    const failed = repository.all().filter(({ status }) => status === "failed");
    expect(failed.map(({ type }) => type)).toEqual([...new Array(4).fill("order.placed"), "other"]);
  });

  it("gives an event that goes on failing up when it is too old", async () => {
    const { clock, repository, maintenance, settle, statuses } = createFixture(
      {},
      { requeue: [{ ...rule, maxAgeMs: 3 * hour }] },
    );
    const [event] = await storeFailedEvents(repository, [sampleDraft()]);
    if (event === undefined) throw new Error("an event was expected");
    let requeued = 0;
    for (let hours = 0; hours < 10; hours += 1) {
      await clock.advance(hour);
      requeued += (await settle(maintenance.runOnce()))?.outbox?.requeued ?? 0;
      if (statuses()[0] === "pending") await failAgain(repository, event, "BROKER.UNROUTABLE: again");
    }
    expect(requeued).toBe(3);
    expect(statuses()).toEqual(["failed"]);
  });
});

describe("statistics", () => {
  it("are handed over at the beginning of each run, and are in its report", async () => {
    const seen: unknown[] = [];
    const { repository, maintenance, settle } = createFixture({ onStatistics: (each) => seen.push(each) });
    await storeFailedEvents(repository, sampleDrafts(2));
    const report = await settle(maintenance.runOnce());
    expect(seen).toEqual([{ outbox: report?.outbox?.statistics }]);
    expect(report?.outbox?.statistics).toMatchObject({ failed: 2, awaitingDeadLetter: 2, pending: 0 });
    expect(maintenance.lastReport).toBe(report);
  });

  it("cost no more than a line in the log when their receiver throws", async () => {
    const { maintenance, logger, settle } = createFixture({
      onStatistics: () => {
        throw new Error("a bug");
      },
    });
    await settle(maintenance.runOnce());
    expect((await settle(maintenance.runOnce()))?.isComplete).toBe(true);
    expect(logger.alarms).toEqual(["onStatistics of the maintenance throws"]);
  });
});

describe("a long task", () => {
  it("keeps no other one waiting", async () => {
    const { clock, repository, administration, maintenance, complete, settle } = createFixture({ batchSize: 1 });
    await complete(await storeEvents(repository, sampleDrafts(4)));
    await storeEvents(repository, sampleDrafts(2));
    await repository.claim({ limit: 2, token: "t", workerId: "w", leaseMs: 1_000 });
    await clock.advance(msPerDay);
    await settle(maintenance.runOnce());
    expect(administration.calls.map(({ method }) => method).slice(0, 6)).toEqual([
      "statistics",
      "releaseExpiredLeases",
      "removeOld",
      "releaseExpiredLeases",
      "removeOld",
      "releaseExpiredLeases",
    ]);
  });

  it("ends between two statements when its signal is aborted", async () => {
    const { clock, repository, administration, maintenance, complete, settle } = createFixture({ batchSize: 1 });
    await complete(await storeEvents(repository, sampleDrafts(4)));
    await clock.advance(msPerDay);
    const controller = new AbortController();
    administration.onNext("removeOld", async (carryOut) => {
      controller.abort();
      return carryOut();
    });
    const report = await settle(maintenance.runOnce({ signal: controller.signal }));
    expect(report).toMatchObject({ isComplete: false, failures: [], outbox: { removedCompleted: 1 } });
    expect(repository.all()).toHaveLength(3);
  });
});

describe("the schedule", () => {
  it("runs soon after the start, then every minute or so, and no more after the stop", async () => {
    const { clock, maintenance, settle } = createFixture();
    await maintenance.start();
    await maintenance.start();
    await clock.advance(defaults.maintenanceFirstMs);
    expect(maintenance.metrics().runs).toBe(1);
    await clock.advance(10 * 66_000);
    expect(maintenance.metrics().runs).toBeGreaterThanOrEqual(11);
    expect(maintenance.metrics().runs).toBeLessThanOrEqual(13);
    expect(await settle(maintenance.stop())).toEqual({ clean: true, abandoned: 0 });
    const { runs } = maintenance.metrics();
    await clock.advance(600_000);
    expect(maintenance.metrics().runs).toBe(runs);
    expect(clock.pendingTimers).toBe(0);
    await maintenance.start();
    await clock.advance(defaults.maintenanceFirstMs);
    expect(maintenance.metrics().runs).toBe(runs + 1);
    await settle(maintenance.stop());
  });

  it("stops between two statements, and says whether the last one came to an end", async () => {
    const { clock, repository, administration, maintenance, complete, settle, until } = createFixture({ batchSize: 1 });
    await complete(await storeEvents(repository, sampleDrafts(4)));
    await clock.advance(msPerDay);
    const { opened, open } = createGate();
    administration.onNext("removeOld", (carryOut) => opened.then(carryOut));
    await maintenance.start();
    await until(() => administration.argsOf("removeOld").length === 1);
    const stopped = maintenance.stop();
    open();
    expect(await settle(stopped)).toEqual({ clean: true, abandoned: 0 });
    expect(repository.all()).toHaveLength(3);

    administration.onNext("removeOld", () => new Promise(() => undefined));
    await maintenance.start();
    await until(() => administration.argsOf("removeOld").length === 2);
    expect(await settle(maintenance.stop())).toEqual({ clean: false, abandoned: 0 });
    expect(maintenance.state).toBe("stopped");
  });

  it("is unhealthy when a statement never comes back, and before it is started", async () => {
    const { clock, administration, maintenance, until } = createFixture();
    expect(maintenance.health()).toMatchObject({ status: "unhealthy", reasons: ["the maintenance is stopped"] });
    await maintenance.start();
    await clock.advance(3_600_000);
    expect(maintenance.health()).toEqual({ status: "healthy", state: "running", reasons: [] });
    administration.onNext("removeOld", () => new Promise(() => undefined));
    const calls = administration.argsOf("removeOld").length;
    await until(() => administration.argsOf("removeOld").length > calls);
    await clock.advance(defaults.stallAfterMs + 1_000);
    expect(maintenance.health()).toMatchObject({
      status: "unhealthy",
      reasons: [expect.stringMatching(/^nothing has moved in the maintenance for 6\d s$/)],
    });
  });
});

describe("while the database cannot be reached", () => {
  it("it is tried with growing pauses, said once, and everything is made up for afterwards", async () => {
    const { clock, repository, administration, maintenance, logger, complete, settle, until } = createFixture();
    await complete(await storeEvents(repository, sampleDrafts(2)));
    await clock.advance(msPerDay);
    administration.failNext("statistics", unreachable, 100);
    await maintenance.start();
    await clock.advance(60_000);
    const tries = administration.argsOf("statistics").length;
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(100);
    expect(administration.argsOf("removeOld")).toEqual([]);
    expect(maintenance.health()).toMatchObject({ status: "degraded" });
    await until(() => repository.all().length === 0);
    expect(logger.alarms).toEqual([
      "the database cannot be maintained, trying on: STORE.UNREACHABLE: no connection",
      "the database is maintained again",
    ]);
    expect(maintenance.metrics()).toMatchObject({ failedRuns: 100, removedCompleted: 2 });
    expect(maintenance.health().status).toBe("healthy");
    await settle(maintenance.stop());
  });

  it("what is refused for good keeps nothing else from being done, and is tried again in the next run", async () => {
    const { clock, repository, administration, maintenance, logger, complete, settle } = createFixture();
    await complete(await storeEvents(repository, sampleDrafts(2)));
    await clock.advance(msPerDay);
    administration.failNext("releaseExpiredLeases", new OmniBoxError("STORE.ACCESS_DENIED", "no right to update"), 3);
    const report = await settle(maintenance.runOnce());
    expect(report).toMatchObject({ isComplete: false, outbox: { releasedLeases: 0, removedCompleted: 2 } });
    expect(report?.failures).toEqual([
      expect.objectContaining({ task: "outbox: expired leases", code: "STORE.ACCESS_DENIED" }),
    ]);
    await maintenance.start();
    await clock.advance(10 * defaults.maintenanceEveryMs);
    // Not sooner than usual: only a person can help.
    expect(maintenance.metrics().runs).toBeLessThanOrEqual(13);
    expect(logger.alarms).toHaveLength(2);
    await settle(maintenance.stop());
  });
});

describe("with a lock", () => {
  /** One that works, as long as nobody asks it to lie. */
  function createLock() {
    const held = new Map<string, AbortController>();
    const keys: string[] = [];
    const lock: DistributedLock = {
      async acquire(key) {
        keys.push(key);
        if (held.has(key)) return null;
        const controller = new AbortController();
        held.set(key, controller);
        const release = async () => {
          if (held.get(key) === controller) held.delete(key);
        };
        const { signal } = controller;
        return { key, fencingNumber: 1, signal, release, [Symbol.asyncDispose]: release } satisfies HeldLock;
      },
      withLock: () => Promise.reject(new Error("is not asked for")),
    };
    return {
      lock,
      keys,
      lose(key: string) {
        held.get(key)?.abort();
        held.delete(key);
      },
      isHeld: (key: string) => held.has(key),
    };
  }
  const lockKey = "shop: maintenance";

  it("one instance does the work for all, until it stops", async () => {
    const { lock, isHeld } = createLock();
    const { clock, create, settle } = createFixture({ lock, lockKey });
    const [first, second] = [create(), create()];
    await first.start();
    await clock.advance(defaults.maintenanceFirstMs);
    await second.start();
    await clock.advance(600_000);
    expect(second.metrics()).toMatchObject({ runs: 0 });
    expect(second.metrics().standbys).toBeGreaterThan(8);
    expect(second.health().status).toBe("healthy");
    expect(first.metrics().runs).toBeGreaterThan(8);
    await settle(first.stop());
    await clock.advance(66_000);
    expect(second.metrics().runs).toBeGreaterThan(0);
    await settle(second.stop());
    expect(isHeld(lockKey)).toBe(false);
  });

  it("a run ends when the lock is lost, and the next one asks for it again", async () => {
    const { lock, lose } = createLock();
    const { clock, repository, administration, maintenance, complete, settle } = createFixture({
      lock,
      lockKey,
      batchSize: 1,
    });
    await complete(await storeEvents(repository, sampleDrafts(3)));
    await clock.advance(msPerDay);
    administration.onNext("removeOld", async (carryOut) => {
      lose(lockKey);
      return carryOut();
    });
    expect(await settle(maintenance.runOnce())).toMatchObject({ isComplete: false, outbox: { removedCompleted: 1 } });
    expect(await settle(maintenance.runOnce())).toMatchObject({ isComplete: true, outbox: { removedCompleted: 2 } });
  });

  it("an instance that cannot reach the database lets another one do the work", async () => {
    const { lock } = createLock();
    const { clock, repository, administration, create, settle } = createFixture({ lock, lockKey });
    const first = create();
    const second = create({ outbox: { administration: repository.administration } });
    await first.start();
    await clock.advance(defaults.maintenanceFirstMs);
    await second.start();
    administration.failNext("statistics", unreachable, 1_000);
    await clock.advance(600_000);
    expect(second.metrics().runs).toBeGreaterThan(5);
    expect(first.metrics().standbys).toBeGreaterThan(5);
    await settle(Promise.all([first.stop(), second.stop()]));
  });

  it("that does not answer, the work is done all the same, and that is said once", async () => {
    const { lock } = createLock();
    const down = new OmniBoxError("LOCK.UNAVAILABLE", "no answer");
    let isDown = true;
    const { clock, maintenance, logger, settle } = createFixture({
      lock: { ...lock, acquire: (key) => (isDown ? Promise.reject(down) : lock.acquire(key)) },
      lockKey,
    });
    await maintenance.start();
    await clock.advance(300_000);
    expect(maintenance.metrics().runs).toBeGreaterThan(3);
    isDown = false;
    await clock.advance(300_000);
    expect(logger.alarms).toEqual([
      "the lock of the maintenance does not answer, trying on: LOCK.UNAVAILABLE: no answer",
      "the lock of the maintenance answers again",
    ]);
    await settle(maintenance.stop());
  });

  it("runOnce() of an instance that was not started leaves it behind free, and is null when another one has it", async () => {
    const { lock, isHeld } = createLock();
    const { maintenance, settle } = createFixture({ lock, lockKey });
    expect(await settle(maintenance.runOnce())).toMatchObject({ isComplete: true });
    expect(isHeld(lockKey)).toBe(false);
    const held = await lock.acquire(lockKey);
    expect(await settle(maintenance.runOnce())).toBeNull();
    await held?.release();
  });
});

describe("createMaintenance", () => {
  it("tells a recorder what it counts", async () => {
    const told: [string, number][] = [];
    const metrics = {
      add: (counter: string, value: number) => void told.push([counter, value]),
      record: () => undefined,
    };
    const { clock, repository, maintenance, complete, settle } = createFixture({ metrics });
    await complete(await storeEvents(repository, sampleDrafts(5)));
    await clock.advance(msPerDay);
    await settle(maintenance.runOnce());
    expect(told).toEqual([
      ["removedCompleted", 5],
      ["runs", 1],
    ]);
  });

  it("lists all wrong options at once", () => {
    const { administration } = createFixture();
    const { lock } = { lock: { acquire: async () => null } };
    const create = () =>
      createMaintenance({
        outbox: {
          administration,
          keepCompletedDays: 0,
          requeue: [
            { afterMs: 60_000 },
            { codes: ["X"], afterMs: 60_000, maxAgeMs: 60_000 },
            { codes: [], afterMs: 1 },
          ],
        },
        lock: lock as never,
        everyMs: 10,
        stallAfterMs: 10_000,
      });
    for (const problem of [
      "outbox.keepCompletedDays",
      "outbox.requeue.0: needs codes, types or both",
      "outbox.requeue.1: maxAgeMs must be more than afterMs",
      "outbox.requeue.2.codes",
      "everyMs",
      "lockKey: needed with lock",
      "stallAfterMs (10000) must be more",
    ])
      expect(create).toThrow(problem);
    expect(() => createMaintenance({})).toThrow("needs outbox, inbox or both");
  });
});
