import { describe, expect, it } from "vitest";
import { createInboxFixture } from "../../test/inbox-fixture.js";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { PermanentError } from "../errors/permanent-error.js";

const unreachable = new OmniBoxError("STORE.UNREACHABLE", "connection refused");
const conflict = new OmniBoxError("STORE.CONFLICT", "deadlock detected");

describe("an outage of the database", () => {
  it("acknowledges nothing, is logged once, probed by one message at a time, and then everything is applied once", async () => {
    const { consumer, clock, repository, send, effects, results, ready, logger, rows, breathe, settle, until } =
      createInboxFixture({ broker: { prefetch: 20 }, processor: false });
    await settle(consumer.start());
    const mend = repository.breakDown(unreachable, "transaction", "store");
    for (let index = 0; index < 30; index += 1) send(`m-${index}`);
    await breathe();
    // Those that were under way when it began.
    expect(repository.calls.filter((method) => method === "transaction")).toHaveLength(10);
    repository.forgetCalls();
    await clock.advance(60_000);
    const probes = repository.calls.length;
    expect(probes).toBeGreaterThan(3);
    // One in at least a tenth of the longest pause, after the first few.
    expect(probes).toBeLessThan(6 + 60_000 / (defaults.outageMaxMs / 10));
    expect([effects, results, ready()]).toEqual([[], [], 10]);
    expect(logger.alarms).toEqual([expect.stringContaining("the database does not answer")]);
    expect(consumer.health()).toMatchObject({ status: "degraded", inHand: 20 });
    mend();
    await until(() => effects.length === 30, 100);
    await breathe();
    expect(new Set(effects).size).toBe(30);
    expect(results.every(({ committed, processed }) => committed && processed)).toBe(true);
    expect(rows().every(({ status, attemptsMade }) => status === "completed" && attemptsMade === 0)).toBe(true);
    expect(logger.alarms).toEqual([expect.anything(), expect.stringContaining("the database answers again")]);
    expect(consumer.health()).toMatchObject({ status: "healthy", inHand: 0 });
  });

  it("applies a message once whose commit happened although the answer was lost", async () => {
    const { consumer, repository, send, effects, results, rows, ready, settle, until } = createInboxFixture();
    await settle(consumer.start());
    repository.loseAnswerOfNext("transaction", unreachable);
    send("m-1");
    await until(() => results.length > 0);
    expect(effects).toEqual(["m-1"]);
    expect(rows()).toEqual([{ messageId: "m-1", status: "completed", attemptsMade: 0 }]);
    expect(ready()).toBe(0);
    // It was this delivery that did it.
    expect(results).toMatchObject([{ committed: true, processed: true, duplicate: false }]);
    expect(consumer.metrics()).toMatchObject({ processed: 1, duplicates: 0 });
  });

  it("says that a message has failed for good, although the first answer to its row was lost", async () => {
    const { consumer, repository, send, results, rows, logger, settle, until } = createInboxFixture(
      { processor: false },
      () => {
        throw new PermanentError("no such customer");
      },
    );
    await settle(consumer.start());
    repository.loseAnswerOfNext("store", unreachable);
    send("m-1");
    await until(() => results.length > 0);
    expect(rows()).toMatchObject([{ messageId: "m-1", status: "failed" }]);
    expect(results).toMatchObject([{ committed: true, duplicate: false, failure: { code: "INBOX.HANDLER_FAILED" } }]);
    expect(logger.alarms).toContainEqual(expect.stringContaining("no such customer"));
    expect(consumer.metrics()).toMatchObject({ failed: 1, duplicates: 0 });
  });

  it("stores the outcome of a failed handler once, although the first answer was lost", async () => {
    const { consumer, repository, send, results, rows, ready, settle, until } = createInboxFixture(
      { processor: false },
      () => {
        throw new Error("no");
      },
    );
    await settle(consumer.start());
    repository.loseAnswerOfNext("store", unreachable);
    send("m-1");
    await until(() => results.length > 0);
    expect(rows()).toEqual([{ messageId: "m-1", status: "pending", attemptsMade: 1 }]);
    expect([results[0]?.committed, ready()]).toEqual([true, 0]);
  });

  it("does not keep in memory what was lost while it waited, however often the channel goes", async () => {
    const { consumer, broker, repository, send, effects, results, ready, breathe, settle, until } = createInboxFixture({
      broker: { prefetch: 10 },
      processor: false,
      suspectAfterRedeliveries: 1_000,
    });
    await settle(consumer.start());
    const mend = repository.breakDown(unreachable, "transaction", "store");
    for (let index = 0; index < 10; index += 1) send(`m-${index}`);
    await breathe();
    for (let times = 0; times < 50; times += 1) {
      broker.dropConsumers();
      await breathe();
      // Those in the pipeline, and those that are delivered anew and wait behind them.
      expect(consumer.health().inHand).toBeLessThanOrEqual(20);
    }
    mend();
    await until(() => effects.length === 10, 100);
    await breathe();
    expect(new Set(effects).size).toBe(10);
    expect([ready(), results.filter(({ committed }) => committed).length]).toEqual([0, 10]);
    expect(consumer.metrics().lost).toBe(500);
  });

  it("keeps messages that are only stored in hand too", async () => {
    const { consumer, clock, repository, send, rows, results, settle, until } = createInboxFixture({
      mode: "storeThenProcess",
      processor: false,
    });
    await settle(consumer.start());
    const mend = repository.breakDown(unreachable, "store");
    for (let index = 0; index < 5; index += 1) send(`m-${index}`);
    await clock.advance(30_000);
    expect(results).toEqual([]);
    mend();
    await until(() => results.length === 5, 100);
    expect(rows()).toHaveLength(5);
  });
});

describe("a collision with another transaction", () => {
  it("is tried again in hand, with no attempt spent", async () => {
    const { consumer, repository, send, effects, rows, settle, until } = createInboxFixture();
    await settle(consumer.start());
    repository.failNext("transaction", conflict, 3);
    send("m-1");
    await until(() => effects.length > 0);
    expect(rows()).toEqual([{ messageId: "m-1", status: "completed", attemptsMade: 0 }]);
    expect(consumer.metrics()).toMatchObject({ conflicts: 3, processed: 1 });
  });

  it("is left to the processor after three more tries, still with no attempt spent", async () => {
    const { consumer, repository, send, rows, results, logger, settle, until } = createInboxFixture({
      processor: false,
    });
    await settle(consumer.start());
    repository.failNext("transaction", conflict, 4);
    send("m-1");
    await until(() => results.length > 0);
    expect(rows()).toEqual([{ messageId: "m-1", status: "pending", attemptsMade: 0 }]);
    expect(results).toMatchObject([{ committed: true, processed: false, failure: { code: "STORE.CONFLICT" } }]);
    expect(consumer.metrics()).toMatchObject({ conflicts: 4, stored: 1 });
    expect(logger.alarms).toEqual([]);
  });

  it("keeps a message in hand whose row another consumer holds, until that one is done", async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const fixture = createInboxFixture(
      { broker: { prefetch: 1 }, lockTimeoutMs: 1_000, handlerTimeoutMs: 1_000_000, processor: false },
      () => held,
    );
    const { consumer, consumerWith, clock, send, effects, results, begun, breathe, settle, until } = fixture;
    const second = consumerWith();
    await settle(consumer.start());
    await settle(second.start());
    send("m-1");
    send("m-1");
    await breathe();
    await clock.advance(60_000);
    expect([begun, results]).toEqual([["m-1"], []]);
    expect(second.metrics().conflicts).toBeGreaterThan(4);
    release();
    await until(() => results.length === 2, 100);
    expect(effects).toEqual(["m-1"]);
    expect(results).toMatchObject([{ processed: true }, { duplicate: true }]);
  });
});

describe("a message of which the store refuses a value", () => {
  const refused = new OmniBoxError("STORE.DATA_ERROR", "invalid input");

  it("is stored as failed with its bytes, and its neighbours as they are", async () => {
    const { consumer, repository, send, rows, results, breathe, settle } = createInboxFixture({
      mode: "storeThenProcess",
      processor: false,
    });
    await settle(consumer.start());
    // The statement of all three, then the second one by itself.
    repository.failNext("store", refused);
    repository.onNext("store", (carryOut) => carryOut());
    repository.failNext("store", refused);
    for (const messageId of ["m-1", "m-2", "m-3"]) send(messageId);
    await breathe();
    expect(rows().map(({ messageId, status }) => [messageId, status])).toEqual([
      ["m-1", "pending"],
      ["m-2", "failed"],
      ["m-3", "pending"],
    ]);
    const [, bad] = repository.all();
    expect(Buffer.from(bad?.body ?? []).toString()).toBe('{"total":1}');
    expect(bad?.lastError).toContain("STORE.DATA_ERROR");
    expect(results.every(({ committed }) => committed)).toBe(true);
    expect(consumer.metrics()).toMatchObject({ stored: 2, failed: 1 });
  });

  it("is stored without its bytes when these are refused too, and the consumer goes on", async () => {
    const { consumer, repository, send, rows, effects, breathe, settle } = createInboxFixture({ processor: false });
    await settle(consumer.start());
    repository.failNext("insertCompleted", refused);
    repository.failNext("store", refused, 2);
    send("m-1");
    send("m-2");
    await breathe();
    expect(effects).toEqual(["m-2"]);
    expect(rows()).toContainEqual({ messageId: "m-1", status: "failed", attemptsMade: 1 });
    expect(repository.all().find(({ messageId }) => messageId === "m-1")?.body).toBeNull();
  });

  it("is dead-lettered when nothing of it is taken", async () => {
    const { consumer, repository, send, results, deadLetters, logger, breathe, settle } = createInboxFixture({
      processor: false,
    });
    await settle(consumer.start());
    repository.breakDown(refused, "store", "insertCompleted");
    send("m-1");
    await breathe();
    expect(deadLetters()).toMatchObject([{ messageId: "m-1" }]);
    expect(results).toMatchObject([{ committed: true, eventId: null, failure: { code: "STORE.DATA_ERROR" } }]);
    expect(consumer.metrics()).toMatchObject({ failed: 1, unstorable: 1, deadLettered: 1 });
    expect(logger.alarms).toContainEqual(expect.stringContaining("in every form, it is dead-lettered"));
    expect(consumer.health().status).toBe("healthy");
  });

  it("stays in hand, in sight, without a busy loop when nothing of it is taken and the broker would drop it", async () => {
    const fixture = createInboxFixture({ processor: false, broker: { deadLetters: false } });
    const { consumer, clock, repository, send, effects, results, logger, breathe, settle, until } = fixture;
    await settle(consumer.start());
    repository.failNext("insertCompleted", refused);
    const mend = repository.breakDown(refused, "store");
    send("m-1");
    await breathe();
    repository.forgetCalls();
    await clock.advance(100_000);
    expect(repository.calls.length).toBeLessThan(200);
    expect(consumer.health()).toMatchObject({
      status: "degraded",
      reasons: [expect.stringContaining("the store refuses messages in every form")],
    });
    expect(logger.alarms.filter((alarm) => alarm.includes("in every form"))).toHaveLength(1);
    expect(consumer.metrics().unstorable).toBe(1);
    send("m-2");
    await breathe();
    expect(effects).toEqual(["m-2"]);
    mend();
    await until(() => results.length === 2, 100);
    expect(results.every(({ committed }) => committed)).toBe(true);
    expect(consumer.health().status).toBe("healthy");
  });
});
