import { describe, expect, it } from "vitest";
import { createInboxProcessorFixture } from "../../test/inbox-processor-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { PermanentError } from "../errors/permanent-error.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { outcome } from "../pipeline/outcome.js";
import type { Step } from "../pipeline/step.js";

describe("while the database is away, an inbox processor", () => {
  const unreachable = new OmniBoxError("STORE.UNREACHABLE", "no connection");

  it("spends no attempts, loses nothing, says so once, and goes on by itself", async () => {
    const { process, store, effects, clock, inbox } = createInboxProcessorFixture();
    const ids = Array.from({ length: 20 }, (_, index) => `m${index}`);
    await store(...ids);
    const { processor, repository, logger } = process(undefined, { concurrency: 3 });
    let hasBegun = false;
    repository.onNext("begin", async () => {
      hasBegun = true;
      repository.failAll(unreachable);
      throw unreachable;
    });
    await processor.start();
    await clock.advance(600_000);
    expect(hasBegun).toBe(true);
    expect(effects).toEqual([]);
    expect(processor.health()).toMatchObject({
      status: "degraded",
      reasons: [expect.stringMatching(/^the database does not answer/)],
    });
    repository.failAll(null);
    await clock.advance(60_000);
    expect([...effects].sort()).toEqual([...ids].sort());
    expect(inbox.all().every(({ status, attemptsMade }) => status === "completed" && attemptsMade === 0)).toBe(true);
    expect(logger.alarms.filter((line) => line.startsWith("the database"))).toHaveLength(2);
    expect(processor.health().status).toBe("healthy");
    await processor.stop();
  });

  it("tries one event at a time while only the handlers' transactions fail, in pauses", async () => {
    const { process, store, effects, clock, row } = createInboxProcessorFixture();
    await store(...Array.from({ length: 10 }, (_, index) => `m${index}`));
    const { processor, repository, logger } = process();
    repository.failNext("begin", unreachable, 30);
    await processor.start();
    await clock.advance(1_000);
    expect(repository.statements.filter((name) => name === "begin").length).toBeLessThan(20);
    await clock.advance(300_000);
    expect(effects).toHaveLength(10);
    expect(row("m0").attemptsMade).toBe(0);
    expect(logger.alarms).toEqual([
      expect.stringMatching(/^the database does not answer/),
      expect.stringMatching(/^the database answers again/),
    ]);
    await processor.stop();
  });

  it("is not misled by a handler that had reached the database before it went away", async () => {
    const { process, store, effects, clock, after } = createInboxProcessorFixture();
    await store("a", "b");
    const { processor, repository, logger } = process(async (id) => (id === "b" ? after(50) : undefined));
    repository.failNext("begin", unreachable);
    repository.onNext("begin", (carryOut) => carryOut());
    repository.failNext("begin", unreachable);
    await processor.start();
    await clock.advance(60_000);
    expect(effects).toEqual(["b", "a"]);
    expect(logger.alarms.map((line) => line.split(":")[0])).toEqual([
      "the database does not answer, trying on",
      "the database answers again",
    ]);
    await processor.stop();
  });

  it("closes its gate also when another process has taken the events meanwhile", async () => {
    const { process, store, clock } = createInboxProcessorFixture();
    await store("a");
    const [first, second] = [process(), process()];
    first.repository.failNext("begin", unreachable);
    await first.processor.start();
    await second.processor.start();
    await clock.advance(60_000);
    expect(first.processor.health().status).toBe("healthy");
    await first.processor.stop();
    await second.processor.stop();
  });

  it("puts a collision off for a moment, without an attempt and without holding anything else up", async () => {
    const { process, store, effects, clock, row } = createInboxProcessorFixture();
    await store("a", "b");
    const { processor, repository, logger } = process(undefined, { concurrency: 1 });
    repository.failNext("commit", new OmniBoxError("STORE.CONFLICT", "deadlock"));
    await processor.start();
    await clock.advance(2_000);
    expect(effects).toEqual(["b", "a"]);
    expect(row("a").attemptsMade).toBe(0);
    expect(logger.alarms).toEqual([]);
    await processor.stop();
  });

  it.each(["commit", "complete"] as const)(
    "applies effects once when the answer to a %s is lost",
    async (statement) => {
      const { process, store, effects, clock, row } = createInboxProcessorFixture();
      await store("a");
      const { processor, repository } = process();
      repository.loseAnswerOfNext(statement, unreachable);
      await processor.start();
      await clock.advance(60_000);
      expect(effects).toEqual(["a"]);
      expect(row("a")).toMatchObject({ status: "completed", attemptsMade: 0 });
      await processor.stop();
    },
  );
});

const outagesIn = ({ alarms }: { readonly alarms: readonly string[] }) =>
  alarms.filter((line) => line.startsWith("the database"));

describe("an inbox processor", () => {
  it.each(
    (["begin", "complete", "commit"] as const).flatMap((statement) =>
      (["STORE.ACCESS_DENIED", "STORE.SCHEMA_MISSING"] as const).map((code) => [statement, code] as const),
    ),
  )("takes a %s that meets %s for an outage, not for the end of the event", async (statement, code) => {
    const { process, store, row, effects, clock } = createInboxProcessorFixture();
    await store("a", "b");
    const { processor, repository, logger } = process();
    repository.failNext(statement, new OmniBoxError(code, "the password was changed"), 4);
    await processor.start();
    await clock.advance(60_000);
    expect([...effects].sort()).toEqual(["a", "b"]);
    expect(row("a").attemptsMade + row("b").attemptsMade).toBe(0);
    expect(outagesIn(logger)).not.toEqual([]);
    await processor.stop();
  });

  it.each(["STORE.SCHEMA_MISSING", "CONFIG.TRANSACTION_REQUIRED"] as const)(
    "spends an attempt and not the event when a handler throws %s",
    async (code) => {
      const { process, store, row, effects, clock } = createInboxProcessorFixture();
      await store("a");
      let calls = 0;
      const { processor, logger } = process(async () => {
        calls += 1;
        if (calls === 1) throw new OmniBoxError(code, "there is no table outbox_event");
      });
      await processor.start();
      await clock.advance(60_000);
      expect(effects).toEqual(["a"]);
      expect(row("a")).toMatchObject({ status: "completed", attemptsMade: 1 });
      expect(outagesIn(logger)).toEqual([]);
      await processor.stop();
    },
  );

  it.each(["STORE.TRANSACTION_FAILED", "STORE.DATA_ERROR"] as const)(
    "spends an attempt and not the event when its completion meets %s",
    async (code) => {
      const { process, store, row, effects, clock } = createInboxProcessorFixture();
      await store("a");
      const { processor, repository, logger } = process();
      repository.failNext("complete", new OmniBoxError(code, "a trigger refused it"));
      await processor.start();
      await clock.advance(60_000);
      expect(effects).toEqual(["a"]);
      expect(row("a")).toMatchObject({ status: "completed", attemptsMade: 1 });
      expect(outagesIn(logger)).toEqual([]);
      await processor.stop();
    },
  );

  it("still fails an event for good when its handler says so", async () => {
    const { process, store, row, clock } = createInboxProcessorFixture();
    await store("refused", "invalid");
    const { processor } = process(async (id) => {
      if (id === "refused") throw new PermanentError("no such customer");
      throw new OmniBoxError("MESSAGE.INVALID_PAYLOAD", "no amount");
    });
    await processor.start();
    await clock.advance(100);
    expect([row("refused").status, row("invalid").status]).toEqual(["failed", "failed"]);
    await processor.stop();
  });

  it("does not take what a handler says of another store for an outage of its own", async () => {
    const { process, store, row, effects, clock, until } = createInboxProcessorFixture();
    const others = Array.from({ length: 200 }, (_, index) => `m${index}`);
    await store("bad", ...others);
    let calls = 0;
    const { processor, logger } = process(async (id) => {
      if (id !== "bad") return;
      calls += 1;
      throw new OmniBoxError("STORE.UNREACHABLE", "the search index does not answer");
    });
    await processor.start();
    await clock.advance(500);
    expect(effects).toHaveLength(200);
    await until(() => row("bad").attemptsMade > 0);
    // Three times for nothing, then with an attempt each.
    expect(calls).toBe(4);
    await clock.advance(3_600_000);
    expect(row("bad")).toMatchObject({ status: "failed", attemptsMade: 10 });
    expect(calls).toBe(13);
    expect(outagesIn(logger)).toEqual([]);
    await processor.stop();
  });

  it("works on the others while one event ends its own connection again and again, and fails that one in the end", async () => {
    const { process, store, row, effects, clock } = createInboxProcessorFixture();
    const others = Array.from({ length: 30 }, (_, index) => `m${index}`);
    await store("bad", ...others);
    let isBad = false;
    const worker = process(
      async (id) => {
        isBad = id === "bad";
        // It swallows the error, so that only the completion notices.
        if (isBad) worker.repository.failNext("complete", new OmniBoxError("STORE.UNREACHABLE", "connection closed"));
      },
      { concurrency: 1 },
    );
    await worker.processor.start();
    await clock.advance(10_000);
    expect([...effects].sort()).toEqual([...others].sort());
    await clock.advance(3_600_000);
    expect(row("bad")).toMatchObject({ status: "failed", attemptsMade: 10 });
    expect(worker.processor.health().status).toBe("healthy");
    await worker.processor.stop();
  });

  it("does not count lost connections that were not in a row", async () => {
    const { process, store, row, clock } = createInboxProcessorFixture();
    await store("a");
    let calls = 0;
    const { processor } = process(async () => {
      calls += 1;
      if (calls === 4) throw new Error("not yet");
      if (calls < 8) throw new OmniBoxError("STORE.TIMEOUT", "slow");
    });
    await processor.start();
    await clock.advance(60_000);
    expect(row("a")).toMatchObject({ status: "completed", attemptsMade: 1 });
    expect(calls).toBe(8);
    await processor.stop();
  });

  it("pauses before it works again on what a step has released", async () => {
    const { process, store, row, clock } = createInboxProcessorFixture();
    await store("a");
    let calls = 0;
    const releasing: Step<InboxEvent> = async () => {
      calls += 1;
      return outcome.release("another worker is at its account");
    };
    const { processor } = process(undefined, { steps: [releasing] });
    await processor.start();
    await clock.advance(10_000);
    expect(calls).toBeGreaterThanOrEqual(5);
    expect(calls).toBeLessThanOrEqual(10);
    expect(row("a").attemptsMade).toBe(0);
    await processor.stop();
  });
});
