import { describe, expect, it } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { driveUntil, driveUntilSettled } from "../../test/drive-clock.js";
import { createGate } from "../../test/gate.js";
import { sampleDraft } from "../../test/sample-events.js";
import { ownedBuckets } from "../buckets/owned-buckets.js";
import { createOutboxRelay } from "../outbox/create-outbox-relay.js";
import { silentLogger } from "../protocols/logger.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryBroker } from "../testing/memory-broker.js";
import { createMemoryLock } from "../testing/memory-lock.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { createSingleActive, type SingleActiveOptions, type SingleActiveWorker } from "./create-single-active.js";

const key = "nightly report";

/** A lock, and as many processes as a test makes, each with a worker that notes when it starts and stops. */
function setUp() {
  const clock = createManualClock();
  const lock = createMemoryLock({ clock, logger: silentLogger });
  const events: string[] = [];

  function process(name: string, changes: Partial<SingleActiveOptions & SingleActiveWorker> = {}) {
    const { start = async () => undefined, stop = async () => undefined, ...options } = changes;
    const logger = captureLogger();
    const worker = {
      async start() {
        events.push(`${name} starts`);
        await start();
      },
      async stop() {
        await stop();
        events.push(`${name} stops`);
      },
    };
    return { logger, active: createSingleActive({ lock, key, worker, clock, logger, ...options }) };
  }
  return {
    clock,
    lock,
    events,
    process,
    settle: <T>(work: Promise<T>) => driveUntilSettled(clock, work, { stepMs: 100 }),
    until: (isTrue: () => boolean) => driveUntil(clock, isTrue, { stepMs: 100 }),
  };
}

describe("a single-active worker", () => {
  it("runs in one process, and in the next one soon after that is stopped, the old one's end first", async () => {
    const { clock, events, process, settle, until } = setUp();
    const [first, second] = [process("first").active, process("second").active];
    await first.start();
    await until(() => first.isLeading);
    await second.start();
    await clock.advance(60_000);
    expect([events, second.isLeading, second.health().status]).toEqual([["first starts"], false, "healthy"]);
    await settle(first.stop());
    await clock.advance(1_000);
    expect(events).toEqual(["first starts", "first stops", "second starts"]);
    expect([first.isLeading, second.isLeading]).toEqual([false, true]);
    await settle(second.stop());
  });

  it("is stopped when the lock is forgotten, and leads again when it has it again", async () => {
    const { events, lock, process, settle, until } = setUp();
    const { active } = process("only");
    await active.start();
    await until(() => active.isLeading);
    lock.forget();
    await until(() => events.includes("only stops"));
    await until(() => active.isLeading);
    expect(events).toEqual(["only starts", "only stops", "only starts"]);
    await settle(active.stop());
  });

  it("steps down when its lock can no longer be known to be held, says so once, and comes back", async () => {
    const { clock, lock, process, settle, until } = setUp();
    const { active, logger } = process("only");
    await active.start();
    await until(() => active.isLeading);
    lock.disconnect();
    await clock.advance(60_000);
    expect(active.isLeading).toBe(false);
    expect(active.health()).toMatchObject({
      status: "degraded",
      state: "running",
      isLeading: false,
      reasons: [expect.stringContaining("the store of the locks does not answer")],
    });
    lock.reconnect();
    await until(() => active.isLeading);
    expect(active.health()).toMatchObject({ status: "healthy", reasons: [] });
    expect(logger.alarms).toEqual([
      expect.stringContaining("the store of the locks does not answer, trying on"),
      "the store of the locks answers again",
    ]);
    await settle(active.stop());
  });

  it("steps down while its worker is still starting, and does not wait for that", async () => {
    const { events, lock, process, settle, until } = setUp();
    const { active } = process("only", { start: () => new Promise(() => undefined) });
    await active.start();
    await until(() => events.length === 1);
    lock.forget();
    await until(() => events.includes("only stops"));
    await settle(active.stop());
  });

  it("gives the lock up when its worker does not start, so that another process may", async () => {
    const { lock, process, settle, until } = setUp();
    const { active, logger } = process("broken", { start: () => Promise.reject(new Error("no database")) });
    await active.start();
    await until(() => active.health().reasons.length > 0);
    expect(active.health()).toMatchObject({ status: "degraded", reasons: [expect.stringContaining("no database")] });
    const { active: sound } = process("sound");
    await sound.start();
    await until(() => sound.isLeading);
    await settle(active.stop());
    await settle(sound.stop());
    expect(lock.isHeld(key)).toBe(false);
    expect(logger.alarms).toEqual(["the worker could not be started; another process may try"]);
  });

  it("gives the lock up although its worker cannot be stopped, and logs that", async () => {
    const { lock, process, settle, until } = setUp();
    const { active, logger } = process("stubborn", { stop: () => Promise.reject(new Error("will not")) });
    await active.start();
    await until(() => active.isLeading);
    await settle(active.stop());
    expect(lock.isHeld(key)).toBe(false);
    expect(logger.alarms).toEqual(["the worker could not be stopped, and may work on"]);
  });

  it("keeps the lock until its worker has stopped, however long that takes", async () => {
    const { clock, lock, process, settle, until } = setUp();
    const stopped = createGate();
    const { active } = process("slow", { stop: () => stopped.opened });
    await active.start();
    await until(() => active.isLeading);
    const stopping = active.stop();
    await clock.advance(120_000);
    expect(lock.isHeld(key)).toBe(true);
    stopped.open();
    await settle(stopping);
    expect(lock.isHeld(key)).toBe(false);
  });

  it("may be started and stopped again and at the same time, and is stopped by `await using`", async () => {
    const { events, process, settle, until, lock } = setUp();
    const { active } = process("only");
    expect(active.health()).toMatchObject({ status: "unhealthy", state: "stopped", reasons: ["it is not running"] });
    await settle(active.stop());
    await Promise.all([active.start(), active.start()]);
    await until(() => active.isLeading);
    await settle(Promise.all([active.stop(), active.stop()]));
    const inBlock = async () => {
      await using again = active;
      await again.start();
      await until(() => again.isLeading);
    };
    await settle(inBlock());
    expect(events).toEqual(["only starts", "only stops", "only starts", "only stops"]);
    expect(lock.isHeld(key)).toBe(false);
  });

  it("refuses options that cannot work, all at once", () => {
    expect(() => createSingleActive({ lock: {}, key: "", worker: {}, retryMs: 0 } as never)).toThrow(
      /createSingleActive: 4 problems: lock: .*; key: .*; worker: .*; retryMs: /,
    );
  });
});

describe("a lock that lies to two relays", () => {
  it("harms nothing: both lead, and every event is published in the order of its key, none twice", async () => {
    const { clock, settle, until } = setUp();
    const repository = createMemoryOutboxRepository({ clock });
    const broker = createMemoryBroker({ clock });
    broker.bind("all", "#");
    const relays = ["one", "two"].map(() => {
      const lock = createMemoryLock({ clock });
      const options = { repository, publisher: broker.publisher(), fetch: ownedBuckets(), clock, logger: silentLogger };
      return createSingleActive({ lock, key, worker: createOutboxRelay(options), clock, logger: silentLogger });
    });
    for (const relay of relays) await relay.start();
    await until(() => relays.every(({ isLeading }) => isLeading));
    const keys = Array.from({ length: 20 }, (_, index) => `order-${index}`);
    for (let round = 0; round < 10; round += 1) {
      const drafts = keys.map((partitionKey) => sampleDraft({ partitionKey, type: `round.${round}` }));
      await repository.transaction((tx) => repository.add(tx, drafts));
      await clock.advance(50);
    }
    await until(() => broker.messages("all").length >= 200);
    await Promise.all(relays.map((relay) => settle(relay.stop())));
    const seen = broker.messages("all");
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
    for (const partitionKey of keys) {
      const rounds = seen
        .filter((message) => message.partitionKey === partitionKey)
        .map(({ type }) => Number(type.split(".")[1]));
      expect(rounds).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
  });
});
