import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { createInboxFixture } from "../../test/inbox-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { PermanentError } from "../errors/permanent-error.js";
import { handlerRetry, handlerSkipped } from "../routing/handler-result.js";

const never = () => new Promise<never>(() => undefined);

describe("effectively once", () => {
  it("acknowledges only when the transaction with row and effects is committed", async () => {
    const { consumer, repository, send, ready, effects, results, cutOff, breathe, settle } = createInboxFixture();
    const commit = createGate();
    repository.onNext("transaction", async (carryOut) => {
      await commit.opened;
      return carryOut();
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect([effects, results]).toEqual([[], []]);
    cutOff(consumer);
    await breathe();
    expect(ready()).toBe(1);
    commit.open();
    await breathe();
    // The transaction was under way and is finished, but its message cannot be settled on a channel that has gone.
    expect(effects).toEqual(["m-1"]);
    expect(results).toMatchObject([{ committed: false, processed: true }]);
    expect(ready()).toBe(1);
  });

  it("applies a message once when its process dies between the commit and the acknowledgement", async () => {
    const { consumer, consumerWith, repository, send, effects, results, ready, cutOff, breathe, settle } =
      createInboxFixture();
    repository.onNext("transaction", async (carryOut) => {
      await carryOut();
      cutOff(consumer);
      return never();
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect([effects, ready()]).toEqual([["m-1"], 1]);
    await settle(consumerWith().start());
    await breathe();
    expect(effects).toEqual(["m-1"]);
    expect(results).toMatchObject([{ committed: true, processed: false, duplicate: true, failure: null }]);
    expect(ready()).toBe(0);
  });

  it("handles a message again when its process dies before the commit", async () => {
    const { consumer, consumerWith, repository, send, effects, ready, cutOff, breathe, settle } = createInboxFixture();
    repository.onNext("transaction", async () => {
      cutOff(consumer);
      return never();
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect([effects, ready()]).toEqual([[], 1]);
    await settle(consumerWith().start());
    await breathe();
    expect([effects, ready()]).toEqual([["m-1"], 0]);
  });

  it("handles a message again when its process dies after the handler failed and before that was stored", async () => {
    let calls = 0;
    const fixture = createInboxFixture({}, () => {
      calls += 1;
      if (calls === 1) throw new Error("once");
    });
    const { consumer, consumerWith, repository, send, effects, rows, ready, cutOff, breathe, settle } = fixture;
    repository.onNext("store", async () => {
      cutOff(consumer);
      return never();
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect([rows(), ready()]).toEqual([[], 1]);
    await settle(consumerWith().start());
    await breathe();
    expect([effects, ready()]).toEqual([["m-1"], 0]);
  });

  it("applies a message once that four consumers are given at the same time", async () => {
    const held = createGate();
    const fixture = createInboxFixture({ broker: { prefetch: 1 }, lockTimeoutMs: 60_000 }, async () => held.opened);
    const { consumerWith, send, effects, begun, results, rows, ready, breathe, settle } = fixture;
    for (let index = 0; index < 4; index += 1) await settle(consumerWith().start());
    for (let index = 0; index < 4; index += 1) send("m-1");
    await breathe();
    expect([begun, ready()]).toEqual([["m-1"], 0]);
    held.open();
    await breathe();
    expect(effects).toEqual(["m-1"]);
    expect(results.map(({ processed, duplicate }) => [processed, duplicate]).sort()).toEqual([
      [false, true],
      [false, true],
      [false, true],
      [true, false],
    ]);
    expect(results.every(({ committed }) => committed)).toBe(true);
    expect(rows()).toHaveLength(1);
  });

  it("handles a repetition in one of the others when the first one's handler fails", async () => {
    let calls = 0;
    const first = createGate();
    const fixture = createInboxFixture({ broker: { prefetch: 1 }, processor: false }, async () => {
      calls += 1;
      if (calls > 1) return;
      await first.opened;
      throw new Error("the first one fails");
    });
    const { consumerWith, send, effects, rows, results, breathe, settle } = fixture;
    for (let index = 0; index < 2; index += 1) await settle(consumerWith().start());
    for (let index = 0; index < 2; index += 1) send("m-1");
    await breathe();
    first.open();
    await breathe();
    expect(effects).toEqual(["m-1"]);
    expect(rows()).toEqual([{ messageId: "m-1", status: "completed", attemptsMade: 0 }]);
    expect(results).toMatchObject([{ processed: true }, { duplicate: true }]);
  });

  it("lets a repetition wait in the same process without a transaction of its own", async () => {
    const held = createGate();
    const { consumer, repository, send, effects, results, breathe, settle } = createInboxFixture({}, () => held.opened);
    await settle(consumer.start());
    for (let index = 0; index < 3; index += 1) send("m-1");
    await breathe();
    expect(repository.calls.filter((method) => method === "transaction")).toHaveLength(1);
    held.open();
    await breathe();
    expect(effects).toEqual(["m-1"]);
    expect(results.map(({ duplicate }) => duplicate)).toEqual([false, true, true]);
  });

  it("stores a message whose handler throws, acknowledges it, and lets the processor complete it", async () => {
    let calls = 0;
    const { consumer, send, effects, rows, results, ready, breathe, settle, until } = createInboxFixture({}, () => {
      calls += 1;
      if (calls === 1) throw new Error("not yet");
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect(results).toMatchObject([{ committed: true, processed: false, failure: { message: "not yet" } }]);
    expect([effects, ready()]).toEqual([[], 0]);
    expect(rows()).toEqual([{ messageId: "m-1", status: "pending", attemptsMade: 1 }]);
    await until(() => effects.length > 0);
    expect(effects).toEqual(["m-1"]);
    await until(() => rows()[0]?.status === "completed");
    expect(consumer.metrics()).toMatchObject({ retried: 1, processed: 0, processor: { completed: 1 } });
  });

  it("counts a failed attempt of a handler that swallows an error of its transaction, and keeps none of its writes", async () => {
    const fixture = createInboxFixture({ processor: false }, async (_event, { tx }) => {
      tx.onCommit(() => fixture.effects.push("written before the error"));
      await tx.fail().catch(() => undefined);
      return handlerSkipped("as if nothing had happened");
    });
    const { consumer, send, effects, rows, results, breathe, settle } = fixture;
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect(effects).toEqual([]);
    expect(rows()).toEqual([{ messageId: "m-1", status: "pending", attemptsMade: 1 }]);
    expect(results).toMatchObject([
      { committed: true, processed: false, failure: { code: "INBOX.TRANSACTION_ABORTED" } },
    ]);
  });

  it("stores a permanent failure as failed", async () => {
    const { consumer, send, rows, results, logger, breathe, settle } = createInboxFixture({}, () => {
      throw new PermanentError("no such customer");
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect(rows()).toEqual([{ messageId: "m-1", status: "failed", attemptsMade: 1 }]);
    expect(results).toMatchObject([{ committed: true, failure: { code: "INBOX.HANDLER_FAILED" } }]);
    expect(consumer.metrics()).toMatchObject({ failed: 1, retried: 0 });
    expect(logger.alarms.filter((alarm) => alarm.includes("no such customer"))).toHaveLength(1);
  });

  it("stores a first failure as failed when one attempt is all there is", async () => {
    const { consumer, send, rows, breathe, settle } = createInboxFixture({ maxAttempts: 1 }, () => {
      throw new Error("once");
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect(rows()).toEqual([{ messageId: "m-1", status: "failed", attemptsMade: 1 }]);
  });

  it("counts no attempt when the handler says so, or when something behind it is away", async () => {
    const { consumer, send, rows, breathe, settle } = createInboxFixture({ processor: false }, ({ messageId }) => {
      if (messageId === "m-1") return handlerRetry("too early", { countAsAttempt: false });
      throw new OmniBoxError("BROKER.UNREACHABLE", "another broker");
    });
    await settle(consumer.start());
    send("m-1");
    send("m-2");
    await breathe();
    expect(rows().map(({ status, attemptsMade }) => [status, attemptsMade])).toEqual([
      ["pending", 0],
      ["pending", 0],
    ]);
    expect(consumer.metrics()).toMatchObject({ stored: 2, retried: 0 });
  });

  it("does not take a handler's word about another store for one about its own", async () => {
    const { consumer, send, rows, logger, breathe, settle } = createInboxFixture({ processor: false }, () => {
      throw new OmniBoxError("STORE.UNREACHABLE", "a search index");
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect(rows()).toEqual([{ messageId: "m-1", status: "pending", attemptsMade: 0 }]);
    expect(logger.alarms.filter((alarm) => alarm.includes("the database"))).toEqual([]);
  });

  it("gives a handler that takes too long a failed attempt", async () => {
    const { consumer, clock, send, rows, results, breathe, settle } = createInboxFixture(
      { handlerTimeoutMs: 5_000, processor: false },
      never,
    );
    await settle(consumer.start());
    send("m-1");
    await breathe();
    await clock.advance(5_000);
    await breathe();
    expect(rows()).toEqual([{ messageId: "m-1", status: "pending", attemptsMade: 1 }]);
    expect(results).toMatchObject([{ failure: { code: "INBOX.HANDLER_TIMEOUT" } }]);
  });

  it("keeps messages that nobody handles, counts the attempt and warns once per kind", async () => {
    const { consumer, send, rows, logger, breathe, settle } = createInboxFixture({ processor: false });
    await settle(consumer.start());
    send("m-1", { type: "order.paid" });
    send("m-2", { type: "order.paid" });
    send("m-3", { type: "order.lost" });
    await breathe();
    expect(rows().map(({ status, attemptsMade }) => [status, attemptsMade])).toEqual(new Array(3).fill(["pending", 1]));
    expect(consumer.metrics()).toMatchObject({ noHandler: 3, retried: 3 });
    expect(logger.lines.filter(({ level }) => level === "warn")).toMatchObject([
      { fields: { type: "order.paid" } },
      { fields: { type: "order.lost" } },
    ]);
  });

  it("stores a message as completed that a step completes in place of its handler", async () => {
    const { consumer, send, begun, rows, results, breathe, settle } = createInboxFixture({
      steps: [async () => ({ kind: "completed", reason: "not for this region" })],
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect(begun).toEqual([]);
    expect(rows()).toEqual([{ messageId: "m-1", status: "completed", attemptsMade: 0 }]);
    expect(results).toMatchObject([{ committed: true, processed: true }]);
  });

  it("keeps what is committed, whatever a step says of it afterwards", async () => {
    const { consumer, send, effects, rows, results, breathe, settle } = createInboxFixture({
      steps: [
        async (_event, _context, next) => {
          await next();
          throw new Error("a step that fails after the commit");
        },
      ],
    });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    expect(effects).toEqual(["m-1"]);
    expect(rows()).toEqual([{ messageId: "m-1", status: "completed", attemptsMade: 0 }]);
    expect(results).toMatchObject([{ committed: true, processed: true, failure: null }]);
  });
});

describe("a message that may kill its process", () => {
  it("is marked for work in solitude, with no attempt spent, when it was delivered too often before", async () => {
    const fixture = createInboxFixture({ processor: false, suspectAfterRedeliveries: 1, steps: [never] });
    const { consumer, consumerWith, repository, rows, send, ready, cutOff, breathe, settle } = fixture;
    const second = consumerWith();
    const third = consumerWith();
    await settle(consumer.start());
    send("m-1");
    await breathe();
    await settle(second.start());
    cutOff(consumer);
    await breathe();
    expect([ready(), rows()]).toEqual([0, []]);
    await settle(third.start());
    cutOff(second);
    await breathe();
    expect(repository.all()).toMatchObject([
      { messageId: "m-1", status: "pending", attemptsMade: 0, startedAttempts: 1 },
    ]);
    expect([ready(), third.metrics().suspects, third.metrics().stored]).toEqual([0, 1, 1]);
  });

  it("is recognised at once with a broker that does not count", async () => {
    const fixture = createInboxFixture({ processor: false, broker: { countsDeliveries: false }, steps: [never] });
    const { consumer, consumerWith, repository, send, cutOff, breathe, settle } = fixture;
    await settle(consumer.start());
    send("m-1");
    await breathe();
    cutOff(consumer);
    await settle(consumerWith().start());
    await breathe();
    expect(repository.all()).toMatchObject([{ status: "pending", startedAttempts: 1 }]);
  });
});

describe("a message that cannot be decoded", () => {
  it("is stored as failed with its body, acknowledged and counted, and stops nothing", async () => {
    const { consumer, repository, send, effects, results, ready, breathe, settle } = createInboxFixture();
    await settle(consumer.start());
    send("m-1", { body: Buffer.from("{ not json") });
    send("m-2");
    await breathe();
    expect(effects).toEqual(["m-2"]);
    const [bad] = repository.all().filter(({ status }) => status === "failed");
    expect(bad).toMatchObject({ payload: {}, lastError: expect.any(String) });
    expect(Buffer.from(bad?.body ?? []).toString()).toBe("{ not json");
    expect(results).toContainEqual(
      expect.objectContaining({
        messageId: "m-1",
        committed: true,
        failure: expect.objectContaining({ code: "MESSAGE.UNDECODABLE" }),
      }),
    );
    expect([ready(), consumer.metrics().undecodable]).toEqual([0, 1]);
  });

  it("does not make a good message of the same id look like a repetition, while its own is found", async () => {
    const { consumer, send, effects, rows, breathe, settle } = createInboxFixture();
    await settle(consumer.start());
    send("m-1", { body: Buffer.from("[]") });
    send("m-1", { body: Buffer.from("[]") });
    send("m-1");
    await breathe();
    expect(effects).toEqual(["m-1"]);
    expect(rows()).toHaveLength(2);
    expect(consumer.metrics()).toMatchObject({ undecodable: 1, duplicates: 1, processed: 1 });
  });

  it("is not hidden by a good message that takes the id of its row", async () => {
    const { consumer, repository, send, effects, breathe, settle } = createInboxFixture({ processor: false });
    await settle(consumer.start());
    const body = Buffer.from("[]");
    send("m-1", { body });
    await breathe();
    const taken = repository.all()[0]?.messageId ?? "";
    send(taken);
    await breathe();
    expect(effects).toEqual([]);
    expect(repository.all()).toMatchObject([
      { messageId: taken },
      { status: "failed", headers: { "omni-message-id": taken } },
    ]);
    expect(repository.all()[1]?.messageId).not.toBe(taken);
  });

  it("goes where dead letters go when it is too large, its row without the body", async () => {
    const { consumer, repository, send, deadLetters, breathe, settle } = createInboxFixture({ messageMaxBytes: 100 });
    await settle(consumer.start());
    send("m-1", { body: Buffer.alloc(101, "x") });
    await breathe();
    expect(deadLetters()).toMatchObject([{ messageId: "m-1" }]);
    expect(repository.all()).toMatchObject([{ status: "failed", body: null }]);
    expect(consumer.metrics()).toMatchObject({ undecodable: 1, deadLettered: 1 });
  });

  it("is dead-lettered too when its process died after the row was stored", async () => {
    const fixture = createInboxFixture({ messageMaxBytes: 100 });
    const { consumer, consumerWith, repository, send, deadLetters, cutOff, breathe, settle } = fixture;
    repository.onNext("store", async (carryOut) => {
      await carryOut();
      cutOff(consumer);
      return never();
    });
    await settle(consumer.start());
    send("m-1", { body: Buffer.alloc(101, "x") });
    await breathe();
    expect(deadLetters()).toEqual([]);
    await settle(consumerWith().start());
    await breathe();
    expect(deadLetters()).toMatchObject([{ messageId: "m-1" }]);
    expect(repository.all()).toHaveLength(1);
  });

  it("keeps its body in the row when the broker would drop it", async () => {
    const { consumer, repository, send, deadLetters, ready, breathe, settle } = createInboxFixture({
      messageMaxBytes: 100,
      broker: { deadLetters: false },
    });
    await settle(consumer.start());
    send("m-1", { body: Buffer.alloc(101, "x") });
    await breathe();
    expect(repository.all()).toMatchObject([{ status: "failed" }]);
    expect(repository.all()[0]?.body).toHaveLength(101);
    expect([deadLetters(), ready()]).toEqual([[], 0]);
  });
});
