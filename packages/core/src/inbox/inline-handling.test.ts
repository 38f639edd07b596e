import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, it } from "vitest";
import { createInboxFixture } from "../../test/inbox-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { PermanentError } from "../errors/permanent-error.js";
import { handlerRetry } from "../routing/handler-result.js";
import { deduplicateSiblings } from "../steps/deduplicate-siblings.js";

describe("a repetition, to the steps around it", () => {
  it("is no work done when its event has failed: it does not stand for a sibling", async () => {
    const steps = [deduplicateSiblings({ siblingKey: () => "order 7" })];
    const fixture = createInboxFixture({ processor: false, steps }, ({ messageId }) => {
      if (messageId === "m-1") throw new PermanentError("bad");
    });
    const { consumer, send, effects, breathe, settle } = fixture;
    await settle(consumer.start());
    for (const messageId of ["m-1", "m-1", "m-2"]) {
      send(messageId);
      await breathe();
    }
    expect(effects).toEqual(["m-2"]);
    expect(consumer.metrics()).toMatchObject({ failed: 1, duplicates: 1, processed: 1 });
  });

  it("is work done when its event has completed", async () => {
    const steps = [deduplicateSiblings({ siblingKey: () => "order 7", windowMs: 1 })];
    const { consumer, clock, send, effects, breathe, settle } = createInboxFixture({ processor: false, steps });
    await settle(consumer.start());
    send("m-1");
    await breathe();
    await clock.advance(10);
    for (const messageId of ["m-1", "m-2"]) send(messageId);
    await breathe();
    expect(effects).toEqual(["m-1"]);
  });
});

describe("a handler that wants to be called again, without an attempt", () => {
  it("leaves its reason in the row", async () => {
    const { consumer, repository, send, breathe, settle } = createInboxFixture({ processor: false }, () =>
      handlerRetry("customer 7 is not here yet", { countAsAttempt: false }),
    );
    await settle(consumer.start());
    send("m-1");
    await breathe();
    const row = {
      status: "pending",
      attemptsMade: 0,
      lastError: expect.stringContaining("customer 7 is not here yet"),
    };
    expect(repository.all()).toMatchObject([row]);
  });
});

describe("a handler's own permanent error of the store or the configuration", () => {
  it.each(["STORE.ACCESS_DENIED", "STORE.SCHEMA_MISSING", "CONFIG.TRANSACTION_REQUIRED"] as const)(
    "%s costs an attempt, not the event",
    async (code) => {
      const { consumer, send, rows, breathe, settle } = createInboxFixture({ processor: false }, () => {
        throw new OmniBoxError(code, "could not add events to the outbox");
      });
      await settle(consumer.start());
      send("m-1");
      await breathe();
      expect(rows()).toEqual([{ messageId: "m-1", status: "pending", attemptsMade: 1 }]);
    },
  );
});

describe("the asynchronous context of a step", () => {
  it("is that of the handler inside it, also of messages that share a transaction and of those that are done again", async () => {
    const storage = new AsyncLocalStorage<string>();
    const seen: string[] = [];
    let failures = 1;
    const { consumer, send, breathe, settle } = createInboxFixture(
      {
        processor: false,
        batchSize: 10,
        steps: [({ messageId }, _context, next) => storage.run(`step of ${messageId}`, next)],
      },
      async ({ messageId }) => {
        await Promise.resolve();
        seen.push(`${messageId}: ${storage.getStore()}`);
        if (messageId === "m-3" && failures-- > 0) throw new OmniBoxError("STORE.CONFLICT", "x");
      },
    );
    await settle(consumer.start());
    for (const messageId of ["m-1", "m-2", "m-3"]) send(messageId);
    await breathe();
    const once = ["m-1: step of m-1", "m-2: step of m-2", "m-3: step of m-3"];
    expect(seen).toEqual([...once, ...once]);
    await settle(consumer.stop());
  });
});
