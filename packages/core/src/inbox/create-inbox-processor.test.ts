import { describe, expect, it } from "vitest";
import { createInboxProcessorFixture, forEver, inboxRow } from "../../test/inbox-processor-fixture.js";
import { PermanentError } from "../errors/permanent-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { outcome } from "../pipeline/outcome.js";
import type { Step } from "../pipeline/step.js";
import { createEventRouter } from "../routing/create-event-router.js";
import { handlerFailed, handlerRetry, handlerSkipped } from "../routing/handler-result.js";

describe("an inbox processor", () => {
  it("handles stored events once each, with their completion in the handler's transaction and no statement besides", async () => {
    const { process, store, effects, settle, inbox } = createInboxProcessorFixture();
    await store("a", "b", "c");
    const { processor, repository } = process();
    await processor.start();
    await settle(processor.drain());
    expect(effects).toEqual(["a", "b", "c"]);
    expect(inbox.all().every(({ status, lease }) => status === "completed" && lease === null)).toBe(true);
    expect(new Set(repository.statements)).toEqual(
      new Set(["verify", "survey", "claim", "begin", "complete", "commit"]),
    );
    expect(processor.metrics()).toMatchObject({ claimed: 3, completed: 3, retried: 0, released: 0, leasesLost: 0 });
    expect(await processor.stop()).toEqual({ clean: true, abandoned: 0 });
  });

  it("leaves the events of other consumer groups alone", async () => {
    const { process, store, effects, settle, row } = createInboxProcessorFixture();
    await store("ours", inboxRow("theirs", { consumerGroup: "billing" }));
    const { processor } = process();
    await processor.start();
    await settle(processor.drain());
    expect(effects).toEqual(["ours"]);
    expect(row("theirs")).toMatchObject({ status: "pending", lease: null });
    await processor.stop();
  });

  it("never runs more handlers at once than asked for", async () => {
    const { process, store, effects, settle, after } = createInboxProcessorFixture();
    await store(...Array.from({ length: 40 }, (_, index) => `m${index}`));
    let atWork = 0;
    let most = 0;
    const { processor } = process(
      async () => {
        atWork += 1;
        most = Math.max(most, atWork);
        await after(50);
        atWork -= 1;
      },
      { concurrency: 3, batchSize: 7 },
    );
    await processor.start();
    await settle(processor.drain());
    expect(most).toBe(3);
    expect(effects).toHaveLength(40);
    await processor.stop();
  });

  it("goes on with other events while one handler is slow", async () => {
    const { process, store, effects, clock, after, settle } = createInboxProcessorFixture();
    await store("slow", ...Array.from({ length: 30 }, (_, index) => `m${index}`));
    const { processor } = process(async (id) => (id === "slow" ? after(20_000) : undefined), {
      concurrency: 2,
      batchSize: 3,
    });
    await processor.start();
    await clock.advance(5_000);
    expect(effects).toHaveLength(30);
    await settle(processor.drain(), 1_000);
    expect(effects).toHaveLength(31);
    await processor.stop();
  });

  it("retries a failed handler after the backoff, and applies its effects once", async () => {
    const { process, store, effects, clock, row, breathe } = createInboxProcessorFixture();
    await store("a");
    const attempts: number[] = [];
    const { processor } = process(
      async (_id, { attempt }) => {
        attempts.push(attempt);
        if (attempt < 3) throw new Error("not yet");
      },
      { retry: { delayMs: (attempt) => attempt * 1_000 } },
    );
    await processor.start();
    await breathe();
    expect(row("a")).toMatchObject({ status: "pending", attemptsMade: 1, lastError: "not yet", lease: null });
    expect(row("a").nextAttemptAt).toEqual(new Date(clock.now() + 1_000));
    await clock.advance(999);
    expect(attempts).toEqual([1]);
    await clock.advance(1_001);
    expect(attempts).toEqual([1, 2]);
    await clock.advance(4_000);
    expect(attempts).toEqual([1, 2, 3]);
    expect(effects).toEqual(["a"]);
    expect(row("a").status).toBe("completed");
    expect(processor.metrics()).toMatchObject({ retried: 2, completed: 1 });
    await processor.stop();
  });

  it("fails an event with its last attempt, or at once when trying again cannot help", async () => {
    const { process, store, effects, row, settle } = createInboxProcessorFixture();
    await store(inboxRow("twice", { maxAttempts: 2 }), "thrown", "returned");
    const { processor, logger } = process(
      async (id) => {
        if (id === "thrown") throw new PermanentError("the order does not exist");
        if (id === "returned") return handlerFailed("cancelled");
        throw new Error("broken");
      },
      { retry: { delayMs: () => 0 } },
    );
    await processor.start();
    await settle(processor.drain());
    expect(row("twice")).toMatchObject({ status: "failed", attemptsMade: 2, lastError: "broken" });
    expect(row("thrown")).toMatchObject({
      status: "failed",
      attemptsMade: 1,
      lastError: expect.stringMatching(/does not exist/),
    });
    expect(row("returned")).toMatchObject({ status: "failed", lastError: expect.stringMatching(/cancelled/) });
    expect(effects).toEqual([]);
    const known = /^(?:events have failed for good|the handler of )/;
    expect(logger.alarms.every((line) => known.test(line))).toBe(true);
    await processor.stop();
  });

  it("does what handlers say: skipped, retried later, retried without an attempt being counted", async () => {
    const { process, store, effects, row, clock, breathe } = createInboxProcessorFixture();
    await store("skip", "later", "free");
    const notBefore = new Date(clock.now() + 60_000);
    let isReady = false;
    const { processor } = process(async (id) => {
      if (id === "skip") return handlerSkipped("nothing to do");
      if (isReady) return;
      if (id === "later") return handlerRetry("too early", { notBefore });
      return handlerRetry("waiting", { countAsAttempt: false, notBefore: new Date(clock.now() + 5_000) });
    });
    await processor.start();
    await breathe();
    expect(effects).toEqual(["skip"]);
    expect(row("later")).toMatchObject({ attemptsMade: 1, nextAttemptAt: notBefore });
    expect(row("free")).toMatchObject({ attemptsMade: 0, nextAttemptAt: new Date(clock.now() + 5_000) });
    expect(processor.metrics()).toMatchObject({ completed: 1, skipped: 1, retried: 1, deferred: 1 });
    isReady = true;
    await clock.advance(58_000);
    expect(effects).toEqual(["skip", "free"]);
    await clock.advance(4_000);
    expect(effects).toEqual(["skip", "free", "later"]);
    await processor.stop();
  });

  it("retries what nobody handles, counts it, and says so once for each kind", async () => {
    const { process, store, clock } = createInboxProcessorFixture();
    await store("a", "b", inboxRow("c", { type: "order.cancelled" }));
    const { processor, logger } = process(undefined, { router: createEventRouter(), retry: { delayMs: () => 10 } });
    await processor.start();
    await clock.advance(2_000);
    expect(processor.metrics().noHandler).toBe(30);
    const warnings = logger.lines.filter(({ message }) => message.startsWith("there is no handler"));
    expect(warnings.map(({ fields }) => fields.type)).toEqual(["order.placed", "order.cancelled"]);
    await processor.stop();
  });

  it("records what a step completed without the handler", async () => {
    const { process, store, effects, settle, row } = createInboxProcessorFixture();
    await store("known", "new");
    const deduplicate: Step<InboxEvent> = async ({ messageId }, _context, next) =>
      messageId === "known" ? outcome.completed("known already") : next();
    const { processor } = process(undefined, { steps: [deduplicate] });
    await processor.start();
    await settle(processor.drain());
    expect(effects).toEqual(["new"]);
    expect(row("known").status).toBe("completed");
    await processor.stop();
  });

  it("handles the events of a key in order, also past a retry, when asked to, without a pause between them", async () => {
    const { process, store, effects, breathe, clock } = createInboxProcessorFixture();
    const ids = Array.from({ length: 12 }, (_, index) => `${index % 3}:${index}`);
    await store(...ids.map((id) => inboxRow(id, { partitionKey: id.slice(0, 1) })));
    const { processor } = process(
      async (id, { attempt }) => {
        if (id === "1:4" && attempt < 3) throw new Error("not yet");
      },
      // A pause would be noticed: without one, all but the retried event and those behind it are done at once.
      { ordering: "perKey", retry: { delayMs: () => 500 }, pollMinMs: 1_000 },
    );
    await processor.start();
    await breathe();
    const ofKey = (given: readonly string[], key: string) => given.filter((id) => id.startsWith(key));
    expect(["0", "1", "2"].map((key) => ofKey(effects, key).length)).toEqual([4, 1, 4]);
    await clock.advance(5_000);
    for (const key of ["0", "1", "2"]) expect(ofKey(effects, key)).toEqual(ofKey(ids, key));
    await processor.stop();
  });

  it("puts off what a step defers, so that it does not spin", async () => {
    const { process, store, clock, row } = createInboxProcessorFixture();
    await store("a");
    let asked = 0;
    const open: Step<InboxEvent> = async () => {
      asked += 1;
      return outcome.defer("the circuit is open");
    };
    const { processor } = process(undefined, { steps: [open] });
    await processor.start();
    await clock.advance(60_000);
    expect(asked).toBeGreaterThan(15);
    expect(asked).toBeLessThanOrEqual(60);
    expect(row("a")).toMatchObject({ status: "pending", attemptsMade: 0 });
    await processor.stop();
  });

  it("fails an attempt whose step never answers, and keeps neither its turn nor its lease", async () => {
    const { process, store, effects, clock, row } = createInboxProcessorFixture();
    await store("stuck", "b");
    const hang: Step<InboxEvent> = ({ messageId }, _context, next) => (messageId === "stuck" ? forEver() : next());
    const { processor } = process(undefined, {
      steps: [hang],
      concurrency: 1,
      handlerTimeoutMs: 1_000,
      retry: { delayMs: () => 60_000 },
    });
    await processor.start();
    await clock.advance(6_000);
    expect(effects).toEqual(["b"]);
    expect(row("stuck")).toMatchObject({
      attemptsMade: 1,
      lastError: expect.stringMatching(/^INBOX\.HANDLER_TIMEOUT/),
    });
    await processor.stop();
  });

  it("ends a handler that takes too long, aborts its signal and counts the attempt", async () => {
    const { process, store, effects, clock, row } = createInboxProcessorFixture();
    await store("a");
    let signal: AbortSignal | undefined;
    const { processor } = process(
      async (_id, context) => {
        signal = context.signal;
        await forEver();
      },
      { handlerTimeoutMs: 5_000 },
    );
    await processor.start();
    await clock.advance(5_100);
    expect(signal?.aborted).toBe(true);
    expect(effects).toEqual([]);
    expect(row("a")).toMatchObject({ attemptsMade: 1, lastError: expect.stringMatching(/^INBOX\.HANDLER_TIMEOUT/) });
    await processor.stop();
  });

  it("refuses options that cannot work, all at once", () => {
    const { process } = createInboxProcessorFixture();
    expect(() =>
      process(undefined, { consumerGroup: "", concurrency: 0, pollMinMs: 50, pollMaxMs: 10, leaseMs: 1 }),
    ).toThrow(
      /^CONFIG\.INVALID_OPTIONS: createInboxProcessor: 4 problems: consumerGroup.*concurrency.*leaseMs.*pollMinMs \(50\)/,
    );
  });

  it("refuses an order per key that the repository cannot keep", () => {
    const { process, inbox } = createInboxProcessorFixture();
    const repository = { ...inbox, capabilities: { ...inbox.capabilities, keyHeads: false } };
    expect(() => process(undefined, { repository, ordering: "perKey" })).toThrow(/needs "keyHeads"/);
  });

  it("applies nothing of a handler that swallowed the error of its statement", async () => {
    const { process, store, effects, row, breathe } = createInboxProcessorFixture();
    await store("a");
    const { processor } = process(async (_id, { tx }) => {
      await tx.fail().catch(() => undefined);
    });
    await processor.start();
    await breathe();
    expect(effects).toEqual([]);
    expect(row("a")).toMatchObject({ status: "pending", attemptsMade: 1 });
    await processor.stop();
  });
});
