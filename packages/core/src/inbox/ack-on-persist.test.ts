import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { createInboxFixture } from "../../test/inbox-fixture.js";

describe.each([
  ["storeThenProcess", { mode: "storeThenProcess" }],
  ["at least once, on persist", { ack: "atLeastOnce" }],
] as const)("%s", (_name, options) => {
  it("stores what has come in one statement, acknowledges all of it, and lets the processor handle it at once", async () => {
    const { consumer, clock, repository, send, effects, results, ready, rows, breathe, settle, until } =
      createInboxFixture({
        ...options,
        broker: { prefetch: 500 },
      });
    await settle(consumer.start());
    await clock.advance(10_000);
    repository.forgetCalls();
    const sentAt = clock.monotonicMs();
    for (let index = 0; index < 20; index += 1) send(`m-${index}`);
    await breathe();
    expect(repository.rowsPerCall[0]).toBe(20);
    expect(results).toHaveLength(20);
    expect(results.every(({ committed, processed, failure }) => committed && !processed && failure === null)).toBe(
      true,
    );
    expect(ready()).toBe(0);
    await until(() => rows().every(({ status }) => status === "completed"));
    expect([...effects].sort()).toEqual(
      rows()
        .map(({ messageId }) => messageId)
        .sort(),
    );
    // Much sooner than the longest pause between polls.
    expect(clock.monotonicMs() - sentAt).toBeLessThan(200);
    expect(consumer.metrics()).toMatchObject({ stored: 20, processed: 0, processor: { completed: 20 } });
  });

  it("acknowledges nothing before it is stored", async () => {
    const stored = createGate();
    const { consumer, repository, send, results, cutOff, ready, breathe, settle } = createInboxFixture(options);
    await settle(consumer.start());
    repository.onNext("store", async (carryOut) => {
      await stored.opened;
      return carryOut();
    });
    send("m-1");
    await breathe();
    expect(results).toEqual([]);
    cutOff(consumer);
    await breathe();
    expect(ready()).toBe(1);
    stored.open();
    await breathe();
    expect(results).toMatchObject([{ committed: false }]);
  });

  it("recognises repetitions, also within one statement, and never makes a completed event pending again", async () => {
    const { consumer, send, effects, rows, results, breathe, settle } = createInboxFixture(options);
    await settle(consumer.start());
    for (const messageId of ["m-1", "m-1", "m-2"]) send(messageId);
    await breathe();
    await settle(consumer.drain());
    send("m-1");
    await breathe();
    await settle(consumer.drain());
    expect([...effects].sort()).toEqual(["m-1", "m-2"]);
    expect(rows().map(({ status }) => status)).toEqual(["completed", "completed"]);
    expect(results.filter(({ duplicate }) => duplicate)).toHaveLength(2);
  });

  it("writes no more rows in one statement than it was told", async () => {
    const { consumer, repository, send, breathe, settle } = createInboxFixture({
      ...options,
      batchSize: 8,
      processor: false,
    });
    await settle(consumer.start());
    for (let index = 0; index < 20; index += 1) send(`m-${index}`);
    await breathe();
    expect(repository.rowsPerCall).toEqual([8, 8, 4]);
  });
});
