import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { createInboxProcessorFixture, forEver } from "../../test/inbox-processor-fixture.js";

describe("starting and stopping an inbox processor", () => {
  it("checks the store first, and can be tried again", async () => {
    const { process, clock } = createInboxProcessorFixture();
    const { processor, repository } = process();
    repository.onNext("verify", async () => ["the table inbox_event is missing"]);
    await expect(processor.start()).rejects.toMatchObject({
      code: "CONFIG.STORE_NOT_READY",
      message: expect.stringMatching(/the inbox processor cannot start: the table inbox_event is missing/),
    });
    expect(processor.state).toBe("stopped");
    expect(processor.health()).toMatchObject({ status: "unhealthy", reasons: ["the inbox processor is stopped"] });
    await processor.start();
    expect(processor.health()).toEqual({ status: "healthy", state: "running", reasons: [] });
    await processor.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  it("is idempotent, carries overlapping calls out in turn, and starts again", async () => {
    const { process, store, effects, settle } = createInboxProcessorFixture();
    const { processor, repository } = process();
    const starting = processor.start();
    expect(processor.start()).toBe(starting);
    const stopping = processor.stop();
    expect(processor.stop()).toBe(stopping);
    await processor.start();
    expect(processor.state).toBe("running");
    expect(repository.statements.filter((name) => name === "verify")).toHaveLength(2);
    await store("a");
    processor.nudge();
    await settle(processor.drain());
    expect(effects).toEqual(["a"]);
    await processor[Symbol.asyncDispose]();
    expect(processor.state).toBe("stopped");
  });

  it("waits for handlers at work, and releases at once what had not begun", async () => {
    const { process, store, effects, inbox, breathe } = createInboxProcessorFixture();
    await store("a", "b", "c", "d");
    const gate = createGate();
    const begun: string[] = [];
    const { processor } = process(
      async (id) => {
        begun.push(id);
        await gate.opened;
      },
      { concurrency: 2 },
    );
    await processor.start();
    await breathe();
    const stopping = processor.stop();
    await breathe();
    gate.open();
    expect(await stopping).toEqual({ clean: true, abandoned: 0 });
    expect(begun).toEqual(["a", "b"]);
    expect(effects).toEqual(["a", "b"]);
    expect(inbox.all().map(({ status, lease, attemptsMade }) => [status, lease, attemptsMade])).toEqual([
      ["completed", null, 0],
      ["completed", null, 0],
      ["pending", null, 0],
      ["pending", null, 0],
    ]);
    expect(processor.metrics()).toMatchObject({ completed: 2, released: 2 });
  });

  it("gives up on handlers that take longer than the stop may: their signal is aborted, nothing of theirs is applied", async () => {
    const { process, store, effects, row, breathe, clock } = createInboxProcessorFixture();
    await store("done", "stuck", "waiting");
    let signal: AbortSignal | undefined;
    const { processor } = process(
      async (id, context) => {
        if (id === "done") return;
        signal = context.signal;
        await forEver();
      },
      { stopTimeoutMs: 1_000, concurrency: 1 },
    );
    await processor.start();
    await breathe();
    const stopping = processor.stop();
    await clock.advance(999);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(await stopping).toEqual({ clean: false, abandoned: 1 });
    expect(signal?.aborted).toBe(true);
    expect(effects).toEqual(["done"]);
    expect(row("stuck")).toMatchObject({ status: "pending", attemptsMade: 0 });
    expect(row("stuck").lease).not.toBeNull();
    expect(row("waiting")).toMatchObject({ status: "pending", lease: null });
    await clock.advance(100_000);
    expect(clock.pendingTimers).toBe(0);
  });

  it("stays in its class of health while a handler takes its time, and says when nothing moves", async () => {
    const { process, store, clock } = createInboxProcessorFixture();
    await store("a");
    const { processor, repository } = process(() => forEver(), {
      handlerTimeoutMs: 50_000,
      concurrency: 1,
      stallAfterMs: 20_000,
    });
    await processor.start();
    await clock.advance(49_000);
    expect(processor.health().status).toBe("healthy");
    repository.onNext("claim", () => forEver());
    await clock.advance(130_000);
    expect(processor.health()).toMatchObject({
      status: "unhealthy",
      reasons: [expect.stringMatching(/^nothing has moved in the inbox processor for/)],
    });
    const stopping = processor.stop();
    await clock.advance(60_000);
    await stopping;
  });
});
