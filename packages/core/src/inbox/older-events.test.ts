import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { createInboxFixture, type FixtureHandler, type InboxFixtureOptions } from "../../test/inbox-fixture.js";
import { createInboxProcessorFixture, inboxRow } from "../../test/inbox-processor-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { Outcome } from "../pipeline/outcome.js";
import { createMemoryInboxRepository, type MemoryInboxRepository } from "../testing/memory-inbox-repository.js";

const numbered = (seq: number, key = "k") => ({
  headers: { "omni-partition-key": key, "omni-seq": String(seq) },
});

async function opened(options: InboxFixtureOptions = {}, handler?: FixtureHandler) {
  const fixture = createInboxFixture({ olderEvents: "stale", concurrency: 1, ...options }, handler);
  await fixture.settle(fixture.consumer.start());
  /** Sends messages that arrive one after the other, each named by its key and number. */
  async function sendInTurn(...messages: readonly (readonly [key: string, seq: number])[]) {
    for (const [key, seq] of messages) {
      fixture.send(`${key}-${seq}`, numbered(seq, key));
      await fixture.breathe();
    }
  }
  return { ...fixture, sendInTurn };
}

describe("an event that is older than one of its key which was handled", () => {
  it("is completed and acknowledged without its handler, and counted as stale", async () => {
    const seen: Outcome[] = [];
    const { sendInTurn, begun, effects, rows, ready, consumer } = await opened({
      steps: [
        async (_event, _context, next) => {
          const result = await next();
          seen.push(result);
          return result;
        },
      ],
    });
    await sendInTurn(["k", 2], ["k", 1], ["other", 1], ["k", 3]);
    expect([begun, effects]).toEqual([
      ["k-2", "other-1", "k-3"],
      ["k-2", "other-1", "k-3"],
    ]);
    expect(rows().map(({ status }) => status)).toEqual(Array(4).fill("completed"));
    expect([ready(), consumer.metrics().processed, consumer.metrics().stale]).toEqual([0, 4, 1]);
    expect(seen[1]).toMatchObject({ kind: "completed", reason: expect.stringMatching(/^stale: /) });
  });

  it("is handled unless that is asked for", async () => {
    const { sendInTurn, effects, consumer } = await opened({ olderEvents: undefined });
    await sendInTurn(["k", 2], ["k", 1]);
    expect([effects, consumer.metrics().stale]).toEqual([["k-2", "k-1"], 0]);
  });

  it("is handled when its sender does not number its events, and leaves the sequence as it is", async () => {
    const { sendInTurn, send, breathe, effects } = await opened();
    await sendInTurn(["k", 2]);
    send("foreign", { headers: { "omni-partition-key": "k" } });
    await breathe();
    await sendInTurn(["k", 1], ["k", 3]);
    expect(effects).toEqual(["k-2", "foreign", "k-3"]);
  });

  it("is handled when the function says so of it, which then raises no sequence either", async () => {
    const { sendInTurn, effects } = await opened({
      olderEvents: ({ messageId }) => (messageId === "k-9" || messageId === "k-1" ? "handle" : "stale"),
    });
    await sendInTurn(["k", 9], ["k", 3], ["k", 1], ["k", 2]);
    expect(effects).toEqual(["k-9", "k-3", "k-1"]);
  });

  it("costs an attempt when the function throws, and the handler is not called", async () => {
    const { sendInTurn, begun, rows } = await opened({
      processor: false,
      olderEvents: () => {
        throw new Error("broken");
      },
    });
    await sendInTurn(["k", 1]);
    expect([begun, rows()]).toEqual([[], [{ messageId: "k-1", status: "pending", attemptsMade: 1 }]]);
  });

  it("is stale in a micro-batch too, whichever of the two stands first", async () => {
    const { send, breathe, begun, repository, consumer } = await opened({ batchSize: 10 });
    repository.forgetCalls();
    for (const [key, seq] of [
      ["a", 2],
      ["b", 1],
      ["a", 1],
      ["b", 2],
      ["a", 3],
    ] as const) // one turn: one batch
      send(`${key}-${seq}`, numbered(seq, key));
    await breathe();
    expect(repository.calls.filter((method) => method === "transaction")).toHaveLength(1);
    expect(begun).toEqual(["a-2", "b-1", "b-2", "a-3"]);
    expect(consumer.metrics()).toMatchObject({ processed: 5, stale: 1 });
  });

  it("is recognised when only a retry of the older one comes after the newer one", async () => {
    let failures = 1;
    const { sendInTurn, effects, rows, until, consumer } = await opened({}, ({ messageId }) => {
      if (messageId === "k-1" && failures-- > 0) throw new Error("not now");
    });
    await sendInTurn(["k", 1], ["k", 2]);
    await until(() => rows().every(({ status }) => status === "completed"));
    expect(effects).toEqual(["k-2"]);
    expect(consumer.metrics().processor).toMatchObject({ completed: 1, skipped: 1 });
  });

  it.each([["onSuccess"], ["onPersist"]] as const)("is not handled with %s either", async (commitPolicy) => {
    const { sendInTurn, effects, until, ready, breathe } = await opened({ ack: "atLeastOnce", commitPolicy });
    await sendInTurn(["k", 2]);
    await until(() => effects.length === 1);
    await sendInTurn(["k", 1], ["k", 3]);
    await until(() => effects.length === 2);
    await breathe();
    expect([effects, ready()]).toEqual([["k-2", "k-3"], 0]);
  });
});

describe("the sequence of a key", () => {
  it("is left as it was by a handler that fails, alone or with others in a micro-batch", async () => {
    for (const batchSize of [1, 5]) {
      const { send, breathe, effects } = await opened({ processor: false, batchSize }, ({ messageId }) => {
        if (messageId === "k-5") throw new Error("no");
      });
      send("k-5", numbered(5));
      send("other-1", numbered(1, "other"));
      await breathe();
      send("k-4", numbered(4));
      await breathe();
      expect(effects).toEqual(["other-1", "k-4"]);
    }
  });

  it("is not raised by a repetition of an event that has not been handled, whose retry then is not stale", async () => {
    for (const batchSize of [1, 5]) {
      let failures = 1;
      const { send, breathe, until, effects, rows, consumer } = await opened({ batchSize }, ({ messageId }) => {
        if (messageId === "k-5" && failures-- > 0) throw new Error("not now");
      });
      send("k-5", numbered(5));
      await breathe();
      expect(rows()).toEqual([{ messageId: "k-5", status: "pending", attemptsMade: 1 }]);
      send("k-5", numbered(5));
      await breathe();
      expect(consumer.metrics().duplicates).toBe(1);
      await until(() => effects.length === 1);
      expect([effects, rows()[0]?.status]).toEqual([["k-5"], "completed"]);
    }
  });

  it("is not raised by an event that is stored behind an earlier one of its key", async () => {
    let failures = 1;
    const { sendInTurn, until, effects, consumer } = await opened({ ordering: "perKey" }, ({ messageId }) => {
      if (messageId === "k-1" && failures-- > 0) throw new Error("not now");
    });
    await sendInTurn(["k", 1], ["k", 2]);
    expect(consumer.metrics().blocked).toBe(1);
    await until(() => effects.length === 2);
    expect(effects).toEqual(["k-1", "k-2"]);
  });

  it("makes an older event wait for the newer one that another consumer is handling", async () => {
    const newer = createGate();
    const { send, breathe, consumerWith, settle, begun, effects, rows } = await opened(
      { broker: { prefetch: 1 } },
      async ({ messageId }) => {
        if (messageId === "k-2") await newer.opened;
      },
    );
    await settle(consumerWith().start());
    send("k-2", numbered(2));
    await breathe();
    send("k-1", numbered(1));
    await breathe();
    expect([begun, rows()]).toEqual([["k-2"], []]);
    newer.open();
    await breathe();
    expect([begun, effects, rows().length]).toEqual([["k-2"], ["k-2"], 2]);
  });

  it("lets the older event be handled when the newer one, which it waited for, is rolled back", async () => {
    const newer = createGate();
    const { send, breathe, consumerWith, settle, effects, rows } = await opened(
      { broker: { prefetch: 1 }, processor: false },
      async ({ messageId }) => {
        if (messageId !== "k-2") return;
        await newer.opened;
        throw new Error("no");
      },
    );
    await settle(consumerWith().start());
    send("k-2", numbered(2));
    await breathe();
    send("k-1", numbered(1));
    await breathe();
    newer.open();
    await breathe();
    expect(effects).toEqual(["k-1"]);
    expect(rows()).toContainEqual({ messageId: "k-2", status: "pending", attemptsMade: 1 });
  });

  it("is raised once by a commit whose answer was lost", async () => {
    const { repository, send, until, effects, results, consumer } = await opened();
    repository.loseAnswerOfNext("transaction", new OmniBoxError("STORE.TIMEOUT", "no answer"));
    send("k-1", numbered(1));
    await until(() => results.length === 1);
    expect([effects, results[0]?.processed, consumer.metrics().stale]).toEqual([["k-1"], true, 0]);
  });
});

describe("a processor with olderEvents", () => {
  it("completes the older event without its handler, whatever the order of the rows", async () => {
    const { process, store, effects, row, settle, until } = createInboxProcessorFixture();
    const numberedRow = (name: string, senderSeq: bigint) => inboxRow(name, { partitionKey: "k", senderSeq });
    await store(numberedRow("second", 2n), numberedRow("first", 1n), numberedRow("third", 3n));
    const { processor } = process(undefined, { olderEvents: "stale", concurrency: 1 });
    await settle(processor.start());
    await until(() => ["first", "second", "third"].every((name) => row(name).status === "completed"));
    await settle(processor.stop());
    expect(effects).toEqual(["second", "third"]);
    expect(processor.metrics()).toMatchObject({ completed: 3, skipped: 1 });
  });

  it("spends no attempt on a key that another transaction holds for longer than a handler may take", async () => {
    const { inbox, process, store, effects, row, settle, until, clock } = createInboxProcessorFixture();
    await store(inboxRow("first", { partitionKey: "k", senderSeq: 1n }));
    const release = createGate();
    const held = inbox.transaction(
      async (tx) => {
        await tx.raiseSequences([{ consumerGroup: "shipping", topic: "orders", partitionKey: "k", seq: 0n }]);
        await release.opened;
      },
      { timeoutMs: 600_000 },
    );
    const { processor } = process(undefined, { olderEvents: "stale", handlerTimeoutMs: 100 });
    await settle(processor.start());
    for (let second = 0; second < 10; second += 1) await clock.advance(1_000);
    expect([effects, row("first").attemptsMade]).toEqual([[], 0]);
    release.open();
    await held;
    await until(() => row("first").status === "completed");
    await settle(processor.stop());
    expect([effects, row("first").attemptsMade]).toEqual([["first"], 0]);
  });
});

describe("the sequences of an inbox", () => {
  const asked = (uses: unknown[]): Pick<MemoryInboxRepository, "verify"> => ({
    verify: async (use) => {
      uses.push(use);
      return [];
    },
  });

  it.each([
    [undefined, false],
    ["handle", false],
    ["stale", true],
    [() => "handle", true],
  ] as const)("have to be usable when the option is %s: %s", async (olderEvents, sequences) => {
    const uses: unknown[] = [];
    const repository = { ...createMemoryInboxRepository(), ...asked(uses) };
    const { consumer, settle } = createInboxFixture({ repository, olderEvents });
    await settle(consumer.start());
    await settle(consumer.stop());
    // The consumer's own question, and its processor's.
    expect(uses).toEqual([expect.objectContaining({ sequences }), expect.objectContaining({ sequences })]);
  });
});
