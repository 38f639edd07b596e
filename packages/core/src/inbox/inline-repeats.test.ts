import { describe, expect, it } from "vitest";
import { createInboxFixture } from "../../test/inbox-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { InboxEventRepository } from "../protocols/inbox-event-repository.js";
import type { MemoryTransaction } from "../testing/memory-transaction.js";

type Inbox = InboxEventRepository<MemoryTransaction>;

const unreachable = new OmniBoxError("STORE.UNREACHABLE", "terminating connection due to idle-in-transaction timeout");

/** Reports the commits of micro-batches, as PostgreSQL does, and finds out afterwards that they were rolled back. */
function refutingBatches(repository: Inbox): Inbox {
  return {
    ...repository,
    transaction: (work, options) =>
      repository.transaction(async (tx) => {
        let messages = 0;
        const insertCompleted: typeof tx.insertCompleted = (drafts, insert) => {
          messages = drafts.length;
          return tx.insertCompleted(drafts, insert);
        };
        const result = await work({ ...tx, insertCompleted });
        if (messages === 1) return result;
        options.onClosed?.();
        throw new OmniBoxError("INBOX.TRANSACTION_ABORTED", "a statement had failed");
      }, options),
  };
}

/** Loses the connection of each transaction whose handlers have run, as long as it is told to. */
function losing(isLost: () => boolean, repository: Inbox): Inbox {
  return {
    ...repository,
    transaction: (work, options) =>
      repository.transaction(async (tx) => {
        const result = await work(tx);
        if (isLost()) throw unreachable;
        return result;
      }, options),
  };
}

describe("what has to be handled again", () => {
  it("takes a worker's place like all else, also when its transaction was closed before it was refuted", async () => {
    let atWork = 0;
    let most = 0;
    const options = { concurrency: 2, batchSize: 5, broker: { prefetch: 100 }, processor: false } as const;
    const fixture = createInboxFixture(options, async () => {
      atWork += 1;
      most = Math.max(most, atWork);
      await new Promise<void>((resolve) => void fixture.clock.schedule(10, resolve));
      atWork -= 1;
    });
    const { consumerWith, repository, send, effects, settle, until } = fixture;
    const consumer = consumerWith({ repository: refutingBatches(repository) });
    await settle(consumer.start());
    for (let index = 0; index < 40; index += 1) send(`m-${index}`);
    await until(() => effects.length === 40);
    expect(new Set(effects).size).toBe(40);
    expect(most).toBe(2);
    expect(consumer.metrics()).toMatchObject({ processed: 40, batchesRepeated: 8 });
  });

  it("goes back to the broker when a stop comes while it waits for its turn", async () => {
    const fixture = createInboxFixture({ concurrency: 1, batchSize: 3, processor: false }, async ({ messageId }) => {
      if (messageId === "m-2") throw new Error("no");
      if (fixture.begun.length > 3) await new Promise<void>((resolve) => void fixture.clock.schedule(10, resolve));
    });
    const { consumer, send, effects, begun, ready, breathe, settle } = fixture;
    await settle(consumer.start());
    for (let index = 0; index < 3; index += 1) send(`m-${index}`);
    await breathe();
    expect(begun).toHaveLength(4);
    expect(await settle(consumer.stop())).toEqual({ clean: true, abandoned: 0 });
    expect([effects, ready()]).toEqual([["m-0"], 2]);
  });
});

describe("a handler that loses the connection of its transaction", () => {
  it("is tried three more times, then its attempt is counted and it is left to the processor", async () => {
    const { consumerWith, repository, send, begun, rows, results, logger, settle, until } = createInboxFixture({
      processor: false,
    });
    const consumer = consumerWith({ repository: losing(() => true, repository) });
    await settle(consumer.start());
    send("m-1");
    await until(() => results.length > 0);
    expect(begun).toHaveLength(4);
    expect(rows()).toEqual([{ messageId: "m-1", status: "pending", attemptsMade: 1 }]);
    expect(results).toMatchObject([{ committed: true, processed: false, failure: { code: "STORE.UNREACHABLE" } }]);
    expect(consumer.metrics()).toMatchObject({ retried: 1, storeErrors: 4 });
    // The database answered every time: no outage was announced, and nobody else had to wait.
    expect(logger.alarms).toEqual([]);
  });

  it("fails for good when its last attempt ends so, and not before", async () => {
    const { consumerWith, repository, send, rows, results, settle, until } = createInboxFixture({
      processor: false,
      maxAttempts: 1,
    });
    const consumer = consumerWith({ repository: losing(() => true, repository) });
    await settle(consumer.start());
    send("m-1");
    await until(() => results.length > 0);
    expect(rows()).toEqual([{ messageId: "m-1", status: "failed", attemptsMade: 1 }]);
  });

  it("costs its neighbours in the batch no try and no attempt", async () => {
    let lastBegun = "";
    const fixture = createInboxFixture({ processor: false, batchSize: 3, concurrency: 1 }, ({ messageId }) => {
      lastBegun = messageId;
    });
    const { consumerWith, repository, send, effects, rows, results, settle, until } = fixture;
    const consumer = consumerWith({ repository: losing(() => lastBegun === "m-2", repository) });
    await settle(consumer.start());
    for (let index = 0; index < 3; index += 1) send(`m-${index}`);
    await until(() => results.length === 3);
    expect(effects).toEqual(["m-0", "m-1"]);
    expect(rows()).toContainEqual({ messageId: "m-2", status: "pending", attemptsMade: 1 });
    expect(consumer.metrics()).toMatchObject({ processed: 2, retried: 1, batchesRepeated: 1 });
  });

  it("counts as processed when the last of these commits had happened", async () => {
    const { consumer, repository, send, effects, rows, results, settle, until } = createInboxFixture({
      processor: false,
    });
    await settle(consumer.start());
    for (let times = 0; times < 3; times += 1) {
      repository.onNext("transaction", async (carryOut) => {
        repository.failNext("insertCompleted", new Error("rolled back"));
        await carryOut().catch(() => undefined);
        throw unreachable;
      });
    }
    repository.loseAnswerOfNext("transaction", unreachable);
    send("m-1");
    await until(() => results.length > 0);
    expect(effects).toEqual(["m-1"]);
    expect(rows()).toEqual([{ messageId: "m-1", status: "completed", attemptsMade: 0 }]);
    expect(results).toMatchObject([{ processed: true, duplicate: false, failure: null }]);
    expect(consumer.metrics()).toMatchObject({ processed: 1, retried: 0, duplicates: 0 });
  });

  it("announces an outage when the next try finds the database away", async () => {
    const { consumerWith, clock, repository, send, effects, logger, settle, until } = createInboxFixture();
    let isAway = false;
    const consumer = consumerWith({ repository: losing(() => isAway, repository) });
    await settle(consumer.start());
    let mend: () => void = () => undefined;
    isAway = true;
    repository.onNext("transaction", (carryOut) => {
      mend = repository.breakDown(unreachable, "transaction", "store");
      return carryOut();
    });
    send("m-1");
    await clock.advance(30_000);
    expect(logger.alarms).toEqual([expect.stringContaining("the database does not answer")]);
    isAway = false;
    mend();
    await until(() => effects.length > 0, 100);
    expect(consumer.metrics()).toMatchObject({ processed: 1, retried: 0 });
  });
});
