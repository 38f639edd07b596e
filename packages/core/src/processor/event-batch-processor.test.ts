import { describe, expect, it } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { driveUntilSettled } from "../../test/drive-clock.js";
import { createGate } from "../../test/gate.js";
import { observeRepository } from "../../test/observed-repository.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { outcome } from "../pipeline/outcome.js";
import type { EventHandler, Step } from "../pipeline/step.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { createProcessorBuilder } from "./create-processor-builder.js";
import { leased } from "./leased.js";

const request = { workerId: "worker-1", batchSize: 100 };

/** Handles each event as its aggregate id says, after the promise that `gates` holds for it. */
function setUp(drafts = sampleDrafts(3), steps: readonly Step<OutboxEvent>[] = []) {
  const clock = createManualClock();
  const repository = observeRepository(createMemoryOutboxRepository({ clock, onPublished: "keep" }));
  const gates = new Map<string, Promise<void>>();
  const handled: string[] = [];
  const handler: EventHandler<OutboxEvent> = {
    name: "theHandler",
    requiredLeaseMs: 1_000,
    async handle({ aggregateId }) {
      handled.push(aggregateId);
      await gates.get(aggregateId);
      if (aggregateId === "retry") return outcome.retry("nacked");
      if (aggregateId === "throws") throw new RangeError("boom");
      if (aggregateId === "failed") return outcome.failed("unroutable");
      if (aggregateId === "defer") throw new OmniBoxError("BROKER.UNREACHABLE", "x");
      if (aggregateId === "release") return outcome.release("later");
      return outcome.completed();
    },
  };
  const logger = captureLogger();
  const processor = createProcessorBuilder<OutboxEvent>(repository)
    .fetch(leased())
    .use(...steps)
    .handle(handler)
    .retry({ delayMs: () => 5_000 })
    .clock(clock)
    .logger(logger)
    .build();
  const ready = storeEvents(repository, drafts).then((events) => {
    repository.forgetCalls();
    return events;
  });
  return { clock, repository, gates, handled, logger, processor, ready };
}

const draftsFor = (...aggregateIds: string[]) => aggregateIds.map((aggregateId) => sampleDraft({ aggregateId }));

describe("a processor", () => {
  it("works on a batch with two statements when all goes well: the claim and the outcomes", async () => {
    const { repository, processor, ready } = setUp(sampleDrafts(100));
    await ready;
    const result = await processor.processBatch(request);
    expect(repository.statements).toEqual(["claim", "recordCompleted"]);
    expect(result.counts).toEqual({ completed: 100, retry: 0, defer: 0, failed: 0, release: 0 });
    expect(repository.all().every(({ status }) => status === "completed")).toBe(true);
  });

  it("needs four statements for a batch in which everything happens", async () => {
    const { repository, processor, ready } = setUp(draftsFor("1", "retry", "failed", "defer", "release"));
    await ready;
    await processor.processBatch(request);
    expect(repository.statements).toEqual(["claim", "recordCompleted", "recordFailed", "recordPending"]);
  });

  it("gives every claimed event an outcome and lets none leased behind", async () => {
    const { clock, repository, processor, ready } = setUp(
      draftsFor("1", "retry", "throws", "failed", "defer", "release", "2"),
    );
    await ready;
    const { results, counts, abandoned } = await processor.processBatch(request);
    expect(results.map(({ outcome: { kind } }) => kind)).toEqual([
      "completed",
      "retry",
      "retry",
      "failed",
      "defer",
      "release",
      "completed",
    ]);
    expect(counts).toEqual({ completed: 2, retry: 2, defer: 1, failed: 1, release: 1 });
    expect(abandoned).toEqual([]);
    const backoff = { attemptsMade: 1, nextAttemptAt: new Date(clock.now() + 5_000) };
    expect(repository.all()).toMatchObject([
      { status: "completed" },
      { status: "pending", ...backoff, lastError: "nacked" },
      { status: "pending", ...backoff, lastError: "boom" },
      { status: "failed", attemptsMade: 1, lastError: "unroutable" },
      { status: "pending", attemptsMade: 0, nextAttemptAt: null, lastError: null },
      { status: "pending", attemptsMade: 0, nextAttemptAt: null, lastError: null },
      { status: "completed" },
    ]);
    expect(repository.all().every(({ lease }) => lease === null)).toBe(true);
  });

  it("gives its results in the order of the batch, however the work ends", async () => {
    const { gates, processor, ready } = setUp(draftsFor("a", "b", "c"));
    await ready;
    const [a, b] = [createGate(), createGate()];
    gates.set("a", a.opened).set("b", b.opened);
    const processing = processor.processBatch(request);
    b.open();
    a.open();
    expect((await processing).results.map(({ event }) => event.aggregateId)).toEqual(["a", "b", "c"]);
  });

  it("works on the events of a batch side by side", async () => {
    const { gates, handled, processor, ready } = setUp(draftsFor("a", "b"));
    await ready;
    const first = createGate();
    gates.set("a", first.opened);
    const processing = processor.run(await processor.claim(request), request);
    await Promise.resolve();
    expect(handled).toEqual(["a", "b"]);
    first.open();
    await processing;
  });

  it("gives an event up with its last attempt", async () => {
    const { clock, repository, processor, ready } = setUp([sampleDraft({ aggregateId: "retry", maxAttempts: 2 })]);
    await ready;
    expect((await processor.processBatch(request)).counts.retry).toBe(1);
    await clock.advance(5_000);
    const { counts, results } = await processor.processBatch(request);
    expect(counts).toMatchObject({ retry: 0, failed: 1 });
    expect(results).toMatchObject([{ outcome: { kind: "failed" } }]);
    expect(repository.all()).toMatchObject([{ status: "failed", attemptsMade: 2, lastError: "nacked" }]);
  });

  it("lets deferred events wait only when it is told to", async () => {
    const { clock, repository, processor, ready } = setUp(draftsFor("defer"));
    await ready;
    await processor.run(await processor.claim(request), { ...request, deferDelayMs: 700 });
    expect(repository.all()[0]?.nextAttemptAt).toEqual(new Date(clock.now() + 700));
  });

  it("claims as many as asked for, with the filters asked for, under its worker's name", async () => {
    const { repository, processor, ready } = setUp([...sampleDrafts(3), sampleDraft({ topic: "invoices" })]);
    await ready;
    const batch = await processor.claim({ workerId: "w", batchSize: 2, filters: { topics: ["orders"] } });
    expect(batch.events.map(({ aggregateId, lease }) => [aggregateId, lease?.workerId])).toEqual([
      ["order-1", "w"],
      ["order-2", "w"],
    ]);
    expect(repository.calls[0]?.args[0]).toMatchObject({ limit: 2, filters: { topics: ["orders"] } });
  });

  it("has nothing to do and sends no outcome when nothing is due", async () => {
    const { repository, processor, ready } = setUp([]);
    await ready;
    const result = await processor.processBatch(request);
    expect(result).toMatchObject({ results: [], abandoned: [], lost: [], uncertain: [], unrecorded: [] });
    expect(repository.statements).toEqual(["claim"]);
  });

  it("rejects when the claim does, and never otherwise", async () => {
    const { clock, repository, logger, processor, ready } = setUp();
    await ready;
    const failure = new OmniBoxError("STORE.UNREACHABLE", "x");
    repository.failNext("claim", failure);
    await expect(processor.processBatch(request)).rejects.toBe(failure);
    repository.failNext("recordCompleted", failure, 3);
    const { counts } = await driveUntilSettled(clock, processor.processBatch(request));
    expect(counts.completed).toBe(3);
    expect(logger.alarms).toHaveLength(2);
  });

  it("tells steps how much of the lease is left, and who works", async () => {
    const seen: unknown[] = [];
    const step: Step<OutboxEvent> = (event, context, next) => {
      seen.push([context.workerId, context.leaseRemainingMs(event), context.signal.aborted]);
      return next();
    };
    const { clock, processor, ready } = setUp(sampleDrafts(1), [step]);
    await ready;
    const batch = await processor.claim(request);
    await clock.advance(1_000);
    await processor.run(batch, request);
    expect(seen).toEqual([["worker-1", 29_000, false]]);
  });

  it("reports the rows whose lease another worker has taken over", async () => {
    const { clock, repository, processor, ready } = setUp();
    const [first] = await ready;
    const batch = await processor.claim(request);
    await clock.advance(30_001);
    await repository.claim({ token: "other", workerId: "other", leaseMs: 1_000, limit: 1 });
    const { lost, counts } = await processor.run(batch, request);
    expect(lost).toEqual([{ id: first?.id, seq: first?.seq }]);
    expect(counts.completed).toBe(3);
  });

  it("measures the time for the work and for its outcomes", async () => {
    const { clock, repository, gates, processor, ready } = setUp(draftsFor("a"));
    await ready;
    const work = createGate();
    gates.set("a", work.opened);
    repository.onNext("recordCompleted", async (carryOut) => {
      await clock.advance(30);
      return carryOut();
    });
    const processing = processor.processBatch(request);
    await clock.advance(200);
    work.open();
    expect(await processing).toMatchObject({ handleDurationMs: 200, commitDurationMs: 30 });
  });
});

describe("a processor that gives up", () => {
  it("records what is done, and leaves what is still in work to its lease", async () => {
    const { repository, gates, processor, ready } = setUp(draftsFor("a", "stuck", "c"));
    const [, stuck] = await ready;
    const never = createGate();
    gates.set("stuck", never.opened);
    const abandoning = new AbortController();
    const processing = processor.run(await processor.claim(request), { ...request, abandon: abandoning.signal });
    await new Promise((resolve) => setImmediate(resolve));
    abandoning.abort();
    const result = await processing;
    expect(result.results.map(({ event }) => event.aggregateId)).toEqual(["a", "c"]);
    expect(result.abandoned).toEqual([{ id: stuck?.id, seq: stuck?.seq }]);
    expect(repository.all().map(({ status, lease }) => [status, lease !== null])).toEqual([
      ["completed", false],
      ["pending", true],
      ["completed", false],
    ]);
    never.open();
  });

  it("does not change its decision when the work ends after all", async () => {
    const { repository, gates, processor, ready } = setUp(draftsFor("stuck"));
    await ready;
    const late = createGate();
    gates.set("stuck", late.opened);
    const abandoning = new AbortController();
    const processing = processor.run(await processor.claim(request), { ...request, abandon: abandoning.signal });
    abandoning.abort();
    const result = await processing;
    late.open();
    await new Promise((resolve) => setImmediate(resolve));
    expect(result.results).toEqual([]);
    expect(repository.statements).toEqual(["claim"]);
  });

  it.each([
    ["1", { status: "completed", attemptsMade: 0 }],
    ["retry", { status: "pending", attemptsMade: 1 }],
    ["failed", { status: "failed", attemptsMade: 1 }],
  ])(
    "records what work came to that ended after its lease, when it has the event again, and does not work on it twice: %s",
    async (id, stored) => {
      const { clock, repository, processor, ready, handled, gates } = setUp(draftsFor(id));
      await ready;
      const slow = createGate();
      gates.set(id, slow.opened);
      const processing = processor.processBatch(request);
      await clock.advance(defaults.leaseMs + 1);
      expect((await processing).abandoned).toHaveLength(1);
      slow.open();
      await clock.advance(0);
      await processor.processBatch(request);
      expect(handled).toEqual([id]);
      expect(repository.all()).toMatchObject([stored]);
    },
  );

  it("counts work that ended after its lease once", async () => {
    const { clock, processor, ready, handled, gates } = setUp(draftsFor("retry"));
    await ready;
    const slow = createGate();
    gates.set("retry", slow.opened);
    const processing = processor.processBatch(request);
    await clock.advance(defaults.leaseMs + 1);
    await processing;
    slow.open();
    await clock.advance(0);
    await processor.processBatch(request);
    await clock.advance(5_000);
    await processor.processBatch(request);
    expect(handled).toEqual(["retry", "retry"]);
  });

  it("reports outcomes that the store did not take", async () => {
    const { repository, processor, ready } = setUp(draftsFor("a"));
    const [event] = await ready;
    repository.failNext("recordCompleted", new OmniBoxError("STORE.UNREACHABLE", "x"), 2);
    const batch = await processor.claim(request);
    const abandoning = new AbortController();
    const processing = processor.run(batch, { ...request, abandon: abandoning.signal });
    await new Promise((resolve) => setImmediate(resolve));
    abandoning.abort();
    expect((await processing).unrecorded).toEqual([{ id: event?.id, seq: event?.seq }]);
  });

  it("does not begin with a batch that it got too late", async () => {
    const { handled, repository, processor, ready } = setUp(draftsFor("a"));
    await ready;
    const batch = await processor.claim(request);
    const signal = AbortSignal.abort();
    const { abandoned, counts } = await processor.run(batch, { ...request, signal, abandon: signal });
    expect(handled).toEqual([]);
    expect(abandoned).toEqual([]);
    expect(counts.release).toBe(1);
    expect(repository.all()).toMatchObject([{ lease: null, attemptsMade: 0 }]);
  });
});
