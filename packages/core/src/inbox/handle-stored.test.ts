import { describe, expect, it } from "vitest";
import { createInboxProcessorFixture } from "../../test/inbox-processor-fixture.js";
import type { StepContext } from "../pipeline/step.js";
import { createProcessorBuilder } from "../processor/create-processor-builder.js";
import { filtered } from "../processor/filtered.js";
import { leased } from "../processor/leased.js";
import { silentLogger } from "../protocols/logger.js";
import { createEventRouter } from "../routing/create-event-router.js";
import type { MemoryTransaction } from "../testing/memory-transaction.js";
import { handleWith } from "./handle-stored.js";

async function setUp() {
  const { inbox, clock, store, effects, row } = createInboxProcessorFixture();
  await store("a", "b");
  const router = createEventRouter<MemoryTransaction>().on(
    { type: "order.placed", topic: "orders" },
    async ({ messageId }, { tx }) => {
      tx.onCommit(() => effects.push(messageId));
      if (messageId === "b") throw new Error("broken");
    },
  );
  return { inbox, clock, router, effects, row, handler: handleWith(inbox, { router, clock, logger: silentLogger }) };
}

function contextWith(changes: Partial<StepContext>, clock: StepContext["clock"]): StepContext {
  const silent = new AbortController().signal;
  const fence = { kind: "lease", token: "t" } as const;
  const common = { workerId: "w", clock, logger: silentLogger, signal: silent, fence };
  return { ...common, leaseRemainingMs: () => 1_000, isGivenUp: () => false, leaseLost: () => silent, ...changes };
}

describe("handleWith", () => {
  it("is the handler of a processor that is put together by hand", async () => {
    const { inbox, clock, effects, row, handler } = await setUp();
    const processor = createProcessorBuilder(inbox)
      .fetch(filtered(leased({ heartbeat: true }), { consumerGroup: "shipping" }))
      .handle(handler)
      .clock(clock)
      .logger(silentLogger)
      .build();
    const { counts, lost } = await processor.processBatch({ workerId: "w", batchSize: 10 });
    expect(counts).toMatchObject({ completed: 1, retry: 1 });
    expect(lost).toEqual([]);
    expect(effects).toEqual(["a"]);
    expect([row("a").status, row("b").status, row("b").attemptsMade]).toEqual(["completed", "pending", 1]);
  });

  it("does not begin when the worker is stopping, or the lease is lost", async () => {
    const { clock, effects, row, handler } = await setUp();
    const aborted = AbortSignal.abort();
    for (const changes of [{ signal: aborted }, { leaseLost: () => aborted }]) {
      expect(await handler.handle(row("a"), contextWith(changes, clock))).toMatchObject({ kind: "release" });
    }
    expect(effects).toEqual([]);
  });

  it("rolls back what was done for a lease that the event does not have", async () => {
    const { clock, effects, row, handler } = await setUp();
    expect(await handler.handle(row("a"), contextWith({}, clock))).toMatchObject({ kind: "release" });
    expect(effects).toEqual([]);
    expect(row("a").status).toBe("pending");
  });

  it("refuses events that are not held under a lease", async () => {
    const { clock, row, handler } = await setUp();
    await expect(handler.handle(row("a"), contextWith({ fence: null }, clock))).rejects.toMatchObject({
      code: "PIPELINE.INVALID_STEP",
    });
  });

  it("needs more of a lease than its handlers' time, so that it asks for a heartbeat in good time", async () => {
    const { inbox, router } = await setUp();
    const processor = createProcessorBuilder(inbox).fetch(leased()).handle(handleWith(inbox, { router }));
    expect(() => processor.build()).toThrow(/handleWith may take 32000 ms/);
  });

  it("refuses options that cannot work, all at once", async () => {
    const { inbox } = await setUp();
    expect(() => handleWith(inbox, { router: {}, handlerTimeoutMs: 0, retries: 1 } as never)).toThrow(
      /handleWith: 3 problems: router: .*; handlerTimeoutMs: .*; unknown option "retries"$/,
    );
  });
});
