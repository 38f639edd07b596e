import { describe, expect, it } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { driveUntilSettled } from "../../test/drive-clock.js";
import { createGate } from "../../test/gate.js";
import { createInboxFixture, keyed } from "../../test/inbox-fixture.js";
import { createInboxProcessorFixture, type Handle, inboxRow } from "../../test/inbox-processor-fixture.js";
import { sampleInboxEvent } from "../../test/sample-inbox-event.js";
import { ownedBuckets } from "../buckets/owned-buckets.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { silentAbort } from "../internal/silent-abort.js";
import { composePipeline } from "../pipeline/compose-pipeline.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { StepContext } from "../pipeline/step.js";
import { silentLogger } from "../protocols/logger.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryLock } from "../testing/memory-lock.js";
import { type ExclusiveOptions, exclusive } from "./exclusive.js";

const isPutOff = (reason: string) => ({ kind: "release", reason, delayMs: expect.any(Number) });
const heldElsewhere = isPutOff("another process holds its lock");

/** A pipeline with the step, whose handler ends when its gate is opened. */
function setUp(options: Partial<ExclusiveOptions<InboxEvent>> = {}) {
  const clock = createManualClock();
  const logger = captureLogger();
  const lock = createMemoryLock({ clock, logger: silentLogger });
  const stopping = new AbortController();
  const gates: ReturnType<typeof createGate<Outcome>>[] = [];
  const handled: { id: string; signal: AbortSignal }[] = [];
  const handler = {
    name: "handler",
    requiredLeaseMs: 0,
    handle(event: InboxEvent, context: StepContext) {
      handled.push({ id: event.id, signal: context.leaseLost(event) });
      const gate = createGate<Outcome>();
      gates.push(gate);
      return gate.opened;
    },
  };
  const step = exclusive<InboxEvent>({ lock, key: ({ partitionKey }) => partitionKey, ...options });
  const pipeline = composePipeline([step], handler);
  return {
    clock,
    lock,
    logger,
    handled,
    stop: () => stopping.abort(),
    ids: () => handled.map(({ id }) => id),
    run: (id: string, partitionKey = "order-1") =>
      pipeline(sampleInboxEvent({ id, partitionKey }), {
        workerId: "worker",
        clock,
        logger,
        signal: stopping.signal,
        fence: null,
        leaseRemainingMs: () => Number.POSITIVE_INFINITY,
        leaseLost: () => silentAbort,
        isGivenUp: () => false,
      }),
    async end(n: number, result = outcome.completed()) {
      gates[n]?.open(result);
      await clock.advance(0);
    },
    settle: <T>(work: Promise<T>) => driveUntilSettled(clock, work, { stepMs: 10 }),
  };
}

describe("exclusive", () => {
  it("works on events of one key one after the other, and on other keys beside them, each under its lock", async () => {
    const { clock, lock, run, end, ids } = setUp();
    const running = [run("1"), run("2"), run("3", "order-2")];
    await clock.advance(0);
    expect(ids()).toEqual(["1", "3"]);
    expect([lock.isHeld("order-1"), lock.isHeld("order-2")]).toEqual([true, true]);
    await end(0);
    expect(ids()).toEqual(["1", "3", "2"]);
    await end(1);
    await end(2);
    expect(await Promise.all(running)).toEqual([outcome.completed(), outcome.completed(), outcome.completed()]);
    expect([lock.isHeld("order-1"), lock.isHeld("order-2")]).toEqual([false, false]);
  });

  it("puts an event off, without an attempt and for a while, whose lock another process holds", async () => {
    const { lock, run, ids } = setUp({ pauseMs: 400, waitMs: 0 });
    await lock.connect().acquire("order-1");
    const delays: number[] = [];
    for (let look = 0; look < 20; look += 1) {
      const result = await run("1");
      expect(result).toEqual(heldElsewhere);
      if (result.kind === "release") delays.push(result.delayMs ?? 0);
    }
    expect(Math.min(...delays)).toBeGreaterThanOrEqual(200);
    expect(Math.max(...delays)).toBeLessThanOrEqual(400);
    expect(new Set(delays).size).toBeGreaterThan(1);
    expect(ids()).toEqual([]);
  });

  it("waits for another process in its turn if it is told to", async () => {
    const { clock, lock, run, end, ids } = setUp({ waitMs: 5_000 });
    const held = await lock.connect().acquire("order-1");
    const running = run("1");
    await clock.advance(1_000);
    expect(ids()).toEqual([]);
    await held?.release();
    await clock.advance(250);
    await end(0);
    expect(await running).toEqual(outcome.completed());
  });

  it("puts an event off that has waited too long for others of its key in its own process, so that its turn is free", async () => {
    const { clock, run, end, ids } = setUp({ waitMs: 500 });
    const [working, behind] = [run("1"), run("2")];
    await clock.advance(499);
    await clock.advance(1);
    expect(await behind).toEqual(isPutOff("another event of its key is at work"));
    await end(0);
    expect(await working).toEqual(outcome.completed());
    expect(ids()).toEqual(["1"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("takes no lock for an event without a key", async () => {
    const { lock, run, end, clock } = setUp({ key: () => null });
    lock.disconnect();
    const running = run("1");
    await clock.advance(0);
    await end(0);
    expect(await running).toEqual(outcome.completed());
  });

  it("aborts what the handler listens to when the lock is lost, with LOCK.LOST", async () => {
    const { clock, lock, run, handled, end } = setUp();
    const running = run("1");
    await clock.advance(0);
    lock.forget();
    await clock.advance(10_000);
    expect(handled[0]?.signal.reason).toMatchObject({ code: "LOCK.LOST" });
    await end(0, outcome.defer("gave up"));
    expect(await running).toMatchObject({ kind: "defer" });
  });

  it("puts events off while nobody knows who holds the lock; one at a time asks, and two lines are logged", async () => {
    const { clock, lock, run, end, logger, ids, settle } = setUp();
    lock.disconnect();
    const unavailable = isPutOff("the store of its lock does not answer");
    for (let turn = 0; turn < 5; turn += 1) {
      const results = Promise.all(["1", "2", "3"].map((id) => run(id, `order-${id}`)));
      expect(await settle(results)).toEqual([unavailable, unavailable, unavailable]);
      await clock.advance(1_000);
    }
    lock.reconnect();
    await clock.advance(10_000);
    const running = run("4");
    await clock.advance(0);
    await end(0);
    expect(await running).toEqual(outcome.completed());
    expect(ids()).toEqual(["4"]);
    expect(logger.alarms).toEqual([
      expect.stringContaining("the store of the locks does not answer, trying on"),
      "the store of the locks answers again",
    ]);
    expect(JSON.stringify(logger.lines)).not.toContain("order-");
  });

  it("works without the lock meanwhile if it is told to", async () => {
    const { clock, lock, run, end } = setUp({ onUnavailable: "proceed" });
    lock.disconnect();
    const running = run("1");
    await clock.advance(0);
    await end(0);
    expect(await running).toEqual(outcome.completed());
  });

  it("ends the waiting, also for events of its own process, when the worker is stopping", async () => {
    const { clock, lock, run, stop, end } = setUp({ waitMs: 60_000 });
    await lock.connect().acquire("order-2");
    const [working, behind, elsewhere] = [run("1"), run("2"), run("3", "order-2")];
    await clock.advance(100);
    stop();
    expect(await behind).toMatchObject({ kind: "release" });
    expect(await elsewhere).toEqual(outcome.release("the worker is stopping, or lost the event"));
    await end(0);
    expect(await working).toEqual(outcome.completed());
  });

  it("releases the lock whatever the handler comes to", async () => {
    const { clock, lock, run, end } = setUp();
    for (const [n, result] of [outcome.retry("x"), outcome.failed("x"), outcome.defer("x")].entries()) {
      const running = run(String(n));
      await clock.advance(0);
      await end(n, result);
      expect(await running).toEqual(result);
      expect(lock.isHeld("order-1")).toBe(false);
    }
  });

  it("fails the attempt when the key cannot be told, and refuses options that cannot work, all at once", async () => {
    const throwing = () => {
      throw new Error("no such field");
    };
    expect(await setUp({ key: throwing }).run("1")).toMatchObject({ kind: "retry" });
    expect(() => exclusive({ lock: {}, key: "order", pauseMs: 0, onUnavailable: "wait" } as never)).toThrow(
      /exclusive: 4 problems: lock: .*; key: .*; pauseMs: .*; onUnavailable: /,
    );
  });
});

describe("a locked inbox processor", () => {
  const step = (fixture: ReturnType<typeof createInboxProcessorFixture>) => {
    const lock = createMemoryLock({ clock: fixture.clock, logger: silentLogger });
    return { lock, steps: [exclusive<InboxEvent>({ lock, key: ({ partitionKey }) => partitionKey })] };
  };
  const rows = (count: number) =>
    Array.from({ length: count }, (_, index) => inboxRow(`a-${index + 1}`, { partitionKey: "a" }));
  const inOrder = (count: number) => Array.from({ length: count }, (_, index) => `a-${index + 1}`);

  it.each([
    { name: "leased, in order per key", options: { ordering: "perKey" as const } },
    { name: "owned buckets", options: { fetch: ownedBuckets() } },
  ])(
    "keeps the order of a key whose lock is held elsewhere for a while, and spends no attempt: $name",
    async ({ options }) => {
      const fixture = createInboxProcessorFixture();
      const { lock, steps } = step(fixture);
      const held = await lock.connect({ clock: fixture.clock }).acquire("a");
      await fixture.store(...rows(10), inboxRow("b-1", { partitionKey: "b" }));
      const { processor, repository } = fixture.process(undefined, { steps, ...options });
      await processor.start();
      await fixture.clock.advance(20_000);
      expect(fixture.effects).toEqual(["b-1"]);
      // One look a second at the key's first event, and not a hot loop.
      expect(repository.statements.length).toBeLessThan(700);
      await held?.release();
      await fixture.until(() => fixture.effects.length === 11);
      expect(fixture.effects).toEqual(["b-1", ...inOrder(10)]);
      expect(fixture.inbox.all().every(({ attemptsMade }) => attemptsMade === 0)).toBe(true);
      await fixture.settle(processor.stop());
    },
  );

  it("rolls back a handler whose lock is lost, spends no attempt, and handles the event again", async () => {
    const fixture = createInboxProcessorFixture();
    const { lock, steps } = step(fixture);
    await fixture.store(...rows(1));
    const reasons: unknown[] = [];
    const handle: Handle = async (_id, { signal }) => {
      if (reasons.length > 0) return;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      reasons.push(signal.reason);
    };
    const { processor } = fixture.process(handle, { steps });
    await processor.start();
    await fixture.until(() => lock.isHeld("a"));
    lock.forget();
    await fixture.until(() => fixture.effects.length > 0);
    expect(reasons).toEqual([expect.objectContaining({ code: "LOCK.LOST" })]);
    expect(fixture.effects).toEqual(["a-1"]);
    expect(fixture.row("a-1")).toMatchObject({ status: "completed", attemptsMade: 0 });
    await fixture.settle(processor.stop());
  });
});

describe("a locked inbox consumer", () => {
  function locked(fixture: ReturnType<typeof createInboxFixture>) {
    const lock = createMemoryLock({ clock: fixture.clock, logger: silentLogger });
    const steps = [exclusive<InboxEvent>({ lock, key: ({ partitionKey }) => partitionKey })];
    return { lock, consumer: fixture.consumerWith({ steps, ordering: "perKey" }) };
  }

  it("stores a message whose lock is held elsewhere, and its processor handles it and those behind it in order", async () => {
    const fixture = createInboxFixture();
    const { lock, consumer } = locked(fixture);
    const held = await lock.acquire("a");
    await consumer.start();
    for (const id of ["a-1", "a-2", "a-3"]) fixture.send(id, keyed("a"));
    await fixture.clock.advance(5_000);
    expect([fixture.effects, fixture.ready()]).toEqual([[], 0]);
    await held?.release();
    await fixture.until(() => fixture.effects.length === 3);
    await fixture.settle(consumer.stop());
    expect(fixture.effects).toEqual(["a-1", "a-2", "a-3"]);
    expect(fixture.rows().every(({ attemptsMade }) => attemptsMade === 0)).toBe(true);
  });

  it("rolls back a handler whose lock is lost while it runs inline", async () => {
    let calls = 0;
    const fixture = createInboxFixture({}, async (_event, { signal }) => {
      calls += 1;
      if (calls > 1) return;
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    });
    const { lock, consumer } = locked(fixture);
    await consumer.start();
    fixture.send("a-1", keyed("a"));
    await fixture.until(() => calls === 1);
    lock.forget();
    await fixture.until(() => fixture.effects.length > 0);
    await fixture.settle(consumer.stop());
    expect([calls, fixture.effects]).toEqual([2, ["a-1"]]);
    expect(fixture.rows()).toEqual([{ messageId: "a-1", status: "completed", attemptsMade: 0 }]);
  });
});
