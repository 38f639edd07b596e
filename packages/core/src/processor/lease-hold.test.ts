import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { observeRepository } from "../../test/observed-repository.js";
import { sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { StepContext } from "../pipeline/step.js";
import { silentLogger } from "../protocols/logger.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { createProcessorBuilder } from "./create-processor-builder.js";
import { leased } from "./leased.js";

const request = { workerId: "w", batchSize: 10 };
const unreachable = new OmniBoxError("STORE.UNREACHABLE", "x");

async function setUp(handle: (event: OutboxEvent, context: StepContext) => Promise<Outcome>, heartbeat = true) {
  const clock = createManualClock();
  const repository = observeRepository(createMemoryOutboxRepository({ clock, onPublished: "keep" }));
  const processor = createProcessorBuilder<OutboxEvent>(repository)
    .fetch(leased({ leaseMs: 3_000, heartbeat }))
    .handle({ name: "theHandler", requiredLeaseMs: 1, handle })
    .clock(clock)
    .logger(silentLogger)
    .build();
  await storeEvents(repository, sampleDrafts(3));
  repository.forgetCalls();
  const extensions = () =>
    repository.calls.filter(({ method }) => method === "extendLease").map(({ args }) => (args[1] as unknown[]).length);
  return { clock, repository, processor, extensions };
}

describe("a processor with a heartbeat", () => {
  it("extends in one statement what is in work, and what waits to be recorded, but not what recorded itself", async () => {
    const gate = createGate();
    const { clock, repository, processor, extensions } = await setUp(async ({ aggregateId }) => {
      if (aggregateId === "order-1") return outcome.committed();
      if (aggregateId === "order-2") return outcome.retry("x");
      await gate.opened;
      return outcome.completed();
    });
    const processing = processor.processBatch(request);
    await clock.advance(5_500);
    expect(extensions()).toEqual([2, 2, 2, 2, 2]);
    gate.open();
    const { lost, counts } = await processing;
    expect(lost).toEqual([]);
    expect(counts).toMatchObject({ completed: 2, retry: 1 });
    expect(repository.statements.filter((method) => method === "recordCompleted")).toHaveLength(1);
    await clock.advance(60_000);
    expect(extensions()).toHaveLength(5);
    expect(clock.pendingTimers).toBe(0);
  });

  it("holds the leases while outcomes are being recorded", async () => {
    const { clock, repository, processor, extensions } = await setUp(async () => outcome.completed());
    const gate = createGate();
    repository.onNext("recordCompleted", async (carryOut) => {
      await gate.opened;
      return carryOut();
    });
    const processing = processor.processBatch(request);
    await clock.advance(10_000);
    expect(extensions()).toHaveLength(10);
    gate.open();
    expect((await processing).lost).toEqual([]);
  });

  it("tells handlers how much is left of the extended lease", async () => {
    const gate = createGate();
    let remainingMs = () => 0;
    const { clock, processor } = await setUp(async (event, context) => {
      remainingMs = () => context.leaseRemainingMs(event);
      await gate.opened;
      return outcome.completed();
    });
    const processing = processor.processBatch(request);
    await clock.advance(900);
    expect(remainingMs()).toBe(2_100);
    await clock.advance(200);
    expect(remainingMs()).toBe(2_900);
    gate.open();
    await processing;
  });

  it("gives up when the lease is over, although the store would answer again", async () => {
    const signals: AbortSignal[] = [];
    let remainingMs = () => 0;
    const { clock, repository, processor } = await setUp(async (event, context) => {
      remainingMs = () => context.leaseRemainingMs(event);
      signals.push(context.leaseLost(event));
      return new Promise(() => undefined);
    });
    repository.onNext("extendLease", async (carryOut) => {
      await new Promise<void>((resolve) => clock.schedule(2_500, resolve));
      return carryOut();
    });
    const processing = processor.processBatch(request);
    await clock.advance(3_000);
    const { abandoned, results } = await processing;
    expect([abandoned.length, results.length]).toEqual([3, 0]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
    await clock.advance(600);
    expect(remainingMs()).toBe(-600);
    await clock.advance(60_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it("aborts every event in work when the worker gives up, and none whose outcome is there", async () => {
    const signals: AbortSignal[] = [];
    const { clock, processor } = await setUp(async (event, context) => {
      signals.push(context.leaseLost(event));
      return event.aggregateId === "order-2" ? outcome.completed() : new Promise(() => undefined);
    });
    const abandoning = new AbortController();
    const processing = processor.run(await processor.claim(request), { ...request, abandon: abandoning.signal });
    await clock.advance(100);
    abandoning.abort();
    expect((await processing).counts.completed).toBe(1);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false, true]);
  });
});

describe("a processor without a heartbeat", () => {
  it("extends nothing, and aborts what is in work when the lease has run out", async () => {
    const signals: AbortSignal[] = [];
    const { clock, processor, extensions } = await setUp(async (event, context) => {
      signals.push(context.leaseLost(event), context.leaseLost(event));
      return new Promise(() => undefined);
    }, false);
    const processing = processor.processBatch(request);
    await clock.advance(2_999);
    expect(signals.some(({ aborted }) => aborted)).toBe(false);
    await clock.advance(1);
    expect((await processing).abandoned).toHaveLength(3);
    expect(signals.every(({ aborted }) => aborted)).toBe(true);
    expect(new Set(signals).size).toBe(3);
    expect(extensions()).toEqual([]);
  });

  it("does not remember what was recorded together with its work as still to be recorded", async () => {
    const handled: string[] = [];
    const { clock, repository, processor } = await setUp(async ({ aggregateId }) => {
      handled.push(aggregateId);
      return outcome.committed();
    }, false);
    await processor.processBatch(request);
    // The commit had been rolled back after all, as this store shows.
    expect(repository.all().every(({ status }) => status === "pending")).toBe(true);
    await clock.advance(3_001);
    repository.failNext("recordPending", unreachable);
    await processor.processBatch(request);
    expect(handled).toHaveLength(6);
  });
});
