import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { createInboxFixture, keyed } from "../../test/inbox-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";

describe("a micro-batch", () => {
  it("shares one transaction and one insert among the messages that wait", async () => {
    const { consumer, repository, send, effects, ready, breathe, settle } = createInboxFixture({ batchSize: 10 });
    await settle(consumer.start());
    repository.forgetCalls();
    for (let index = 0; index < 20; index += 1) send(`m-${index}`);
    await breathe();
    expect(effects).toHaveLength(20);
    expect(repository.calls.filter((method) => method === "transaction")).toHaveLength(2);
    expect(repository.rowsPerCall).toEqual([10, 10]);
    expect([ready(), consumer.metrics().processed]).toEqual([0, 20]);
  });

  it("with one handler that fails is rolled back and done again one by one: the others are applied once", async () => {
    const fixture = createInboxFixture({ batchSize: 5, processor: false }, ({ messageId }) => {
      if (messageId === "m-2") throw new Error("always");
    });
    const { consumer, send, effects, rows, results, breathe, settle } = fixture;
    await settle(consumer.start());
    for (let index = 0; index < 5; index += 1) send(`m-${index}`);
    await breathe();
    expect(effects).toEqual(["m-0", "m-1", "m-3", "m-4"]);
    expect(rows()).toContainEqual({ messageId: "m-2", status: "pending", attemptsMade: 1 });
    expect(rows().filter(({ status }) => status === "completed")).toHaveLength(4);
    expect(results.every(({ committed }) => committed)).toBe(true);
    expect(consumer.metrics()).toMatchObject({ processed: 4, retried: 1, batchesRepeated: 1 });
  });

  it("is not repeated over duplicates, which are acknowledged", async () => {
    const { consumer, send, effects, begun, breathe, settle } = createInboxFixture({ batchSize: 5 });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    for (const messageId of ["m-1", "m-2", "m-3"]) send(messageId);
    await breathe();
    expect([effects, begun]).toEqual([
      ["m-1", "m-2", "m-3"],
      ["m-1", "m-2", "m-3"],
    ]);
    expect(consumer.metrics()).toMatchObject({ duplicates: 1, processed: 3, batchesRepeated: 0 });
  });

  it("handles a message once that is in it twice", async () => {
    const { consumer, repository, send, effects, begun, results, breathe, settle } = createInboxFixture({
      batchSize: 5,
      ordering: "perKey",
    });
    await settle(consumer.start());
    repository.forgetCalls();
    // Under two keys, so that they do not wait for each other.
    send("m-1", keyed("a"));
    send("m-1", keyed("b"));
    await breathe();
    expect(repository.calls.filter((method) => method === "transaction")).toHaveLength(1);
    expect([effects, begun]).toEqual([["m-1"], ["m-1"]]);
    expect(results).toMatchObject([{ processed: true }, { duplicate: true }]);
  });

  it("is done again when the store did not answer, which finds out whether it was committed", async () => {
    const { consumer, repository, send, effects, results, settle, until } = createInboxFixture({ batchSize: 3 });
    await settle(consumer.start());
    repository.loseAnswerOfNext("transaction", new OmniBoxError("STORE.TIMEOUT", "no answer"));
    for (let index = 0; index < 3; index += 1) send(`m-${index}`);
    await until(() => results.length === 3);
    expect(effects).toEqual(["m-0", "m-1", "m-2"]);
    expect(results.every(({ committed, processed, duplicate }) => committed && processed && !duplicate)).toBe(true);
    expect(consumer.metrics()).toMatchObject({ processed: 3, duplicates: 0 });
  });

  it("that collides is done one by one", async () => {
    const { consumer, repository, send, effects, breathe, settle } = createInboxFixture({ batchSize: 3 });
    await settle(consumer.start());
    repository.failNext("transaction", new OmniBoxError("STORE.CONFLICT", "deadlock"));
    for (let index = 0; index < 3; index += 1) send(`m-${index}`);
    await breathe();
    expect(effects).toEqual(["m-0", "m-1", "m-2"]);
    expect(consumer.metrics()).toMatchObject({ conflicts: 1, batchesRepeated: 1 });
  });

  it("runs its handlers one after the other, and no more transactions than are allowed", async () => {
    const held = createGate();
    let atWork = 0;
    let most = 0;
    const { consumer, send, effects, breathe, settle } = createInboxFixture(
      { batchSize: 4, concurrency: 3, broker: { prefetch: 100 } },
      async () => {
        atWork += 1;
        most = Math.max(most, atWork);
        await held.opened;
        atWork -= 1;
      },
    );
    await settle(consumer.start());
    for (let index = 0; index < 40; index += 1) send(`m-${index}`);
    await breathe();
    expect(atWork).toBe(3);
    held.open();
    await breathe();
    expect([most, effects.length]).toEqual([3, 40]);
  });
});
