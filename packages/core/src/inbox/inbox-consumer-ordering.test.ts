import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { createInboxFixture, keyed } from "../../test/inbox-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";

describe("ordering per key", () => {
  it("handles the messages of one key one after the other, and those of others meanwhile", async () => {
    const held = createGate();
    const fixture = createInboxFixture({ ordering: "perKey" }, ({ messageId }) =>
      messageId === "a-1" ? held.opened : undefined,
    );
    const { consumer, send, begun, effects, breathe, settle } = fixture;
    await settle(consumer.start());
    send("a-1", keyed("a"));
    send("a-2", keyed("a"));
    send("b-1", keyed("b"));
    await breathe();
    expect([begun, effects]).toEqual([["a-1", "b-1"], ["b-1"]]);
    held.open();
    await breathe();
    expect(effects).toEqual(["b-1", "a-1", "a-2"]);
  });

  it("stores a message behind an earlier one of its key that failed, so that it does not overtake it", async () => {
    let calls = 0;
    const fixture = createInboxFixture({ ordering: "perKey" }, ({ messageId }) => {
      calls += 1;
      if (messageId === "k-1" && calls < 3) throw new Error("not yet");
    });
    const { consumer, send, effects, begun, rows, breathe, settle, until } = fixture;
    await settle(consumer.start());
    send("k-1", keyed("k"));
    await breathe();
    send("k-2", keyed("k"));
    await breathe();
    expect(rows()).toEqual([
      { messageId: "k-1", status: "pending", attemptsMade: 1 },
      { messageId: "k-2", status: "pending", attemptsMade: 0 },
    ]);
    expect([begun, consumer.metrics().blocked]).toEqual([["k-1"], 1]);
    await until(() => effects.length === 2);
    expect(effects).toEqual(["k-1", "k-2"]);
    await until(() => rows().every(({ status }) => status === "completed"));
    send("k-3", keyed("k"));
    await breathe();
    expect(effects).toEqual(["k-1", "k-2", "k-3"]);
    expect(consumer.metrics()).toMatchObject({ processed: 1, stored: 1, retried: 1 });
  });

  it("keeps the rows of messages that are only stored in the order of their arrival, over a collision", async () => {
    const { consumer, repository, send, rows, settle, until } = createInboxFixture({
      ordering: "perKey",
      mode: "storeThenProcess",
      processor: false,
    });
    await settle(consumer.start());
    repository.failNext("store", new OmniBoxError("STORE.CONFLICT", "deadlock"), 3);
    for (let index = 1; index <= 5; index += 1) send(`k-${index}`, keyed("k"));
    await until(() => rows().length === 5);
    expect(rows().map(({ messageId }) => messageId)).toEqual(["k-1", "k-2", "k-3", "k-4", "k-5"]);
  });

  it.each([1, 4])(
    "applies each key's messages once and in order under any schedule of failures and losses (batches of %i)",
    async (batchSize) => {
      const schedules = fc.record({
        keys: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 12 }),
        // For how many calls the handler of each message fails.
        failures: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 12, maxLength: 12 }),
        delays: fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 12, maxLength: 12 }),
        faults: fc.array(fc.constantFrom("none", "drop", "unreachable", "answerLost", "conflict"), { maxLength: 8 }),
      });
      await fc.assert(
        fc.asyncProperty(schedules, async ({ keys, failures, delays, faults }) => {
          const calls = new Map<string, number>();
          const fixture = createInboxFixture(
            { ordering: "perKey", batchSize, concurrency: 3, broker: { prefetch: 8 } },
            async ({ messageId }) => {
              const index = Number(messageId.split("-")[1]);
              const call = (calls.get(messageId) ?? 0) + 1;
              calls.set(messageId, call);
              await new Promise<void>((resolve) => fixture.clock.schedule(delays[index] ?? 0, resolve));
              if (call <= (failures[index] ?? 0)) throw new Error("planned");
            },
          );
          const { consumer, repository, broker, send, effects, breathe, settle, until } = fixture;
          await settle(consumer.start());
          const sent = keys.map((key, index) => `${key}-${index}`);
          for (const [index, messageId] of sent.entries()) {
            send(messageId, keyed(`key ${keys[index]}`));
            const fault = faults[index];
            if (fault === "drop") broker.dropConsumers();
            if (fault === "unreachable") repository.failNext("transaction", new OmniBoxError("STORE.UNREACHABLE", "x"));
            if (fault === "answerLost")
              repository.loseAnswerOfNext("transaction", new OmniBoxError("STORE.TIMEOUT", "x"));
            if (fault === "conflict") repository.failNext("store", new OmniBoxError("STORE.CONFLICT", "x"));
            if (index % 3 === 0) await breathe();
          }
          await until(() => effects.length >= sent.length, 500);
          await settle(consumer.drain(), 500);
          const ofKey = (ids: readonly string[], key: number) => ids.filter((id) => id.startsWith(`${key}-`));
          for (const key of [0, 1, 2]) expect(ofKey(effects, key)).toEqual(ofKey(sent, key));
          await settle(consumer.stop(), 500);
        }),
        { numRuns: 60 },
      );
    },
    60_000,
  );
});
