import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { createInboxProcessorFixture, forEver } from "../../test/inbox-processor-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";

const unreachable = new OmniBoxError("STORE.UNREACHABLE", "no connection");

describe("the heartbeat of an inbox processor", () => {
  it("keeps the lease of a handler that takes many times longer than it", async () => {
    const { process, store, effects, clock, row, after } = createInboxProcessorFixture();
    await store("long");
    const [slow, rival] = [process(() => after(25_000), { leaseMs: 3_000 }), process()];
    await slow.processor.start();
    await rival.processor.start();
    for (let second = 1; second < 25; second += 1) {
      await clock.advance(1_000);
      expect(row("long").lease?.until.getTime()).toBeGreaterThan(clock.now());
    }
    await clock.advance(1_000);
    expect(effects).toEqual(["long"]);
    expect(row("long")).toMatchObject({ status: "completed", attemptsMade: 0 });
    const extensions = slow.repository.calls.filter(({ statement }) => statement === "extendLease");
    expect(extensions).toHaveLength(24);
    expect(slow.processor.metrics().leasesLost + rival.processor.metrics().claimed).toBe(0);
    await slow.processor.stop();
    await rival.processor.stop();
  });

  it("also keeps the leases of events that wait for their turn", async () => {
    const { process, store, effects, clock, after } = createInboxProcessorFixture();
    await store("a", "b", "c");
    const [worker, rival] = [process(() => after(5_000), { leaseMs: 2_000, concurrency: 1 }), process()];
    await worker.processor.start();
    await clock.advance(100);
    await rival.processor.start();
    await clock.advance(16_000);
    expect(effects).toEqual(["a", "b", "c"]);
    expect(rival.processor.metrics().claimed).toBe(0);
    await worker.processor.stop();
    await rival.processor.stop();
  });

  it("aborts the handler whose lease someone has taken, and applies nothing of it", async () => {
    const { process, store, effects, clock, inbox, row, breathe } = createInboxProcessorFixture();
    await store("a", "b");
    const signals = new Map<string, AbortSignal>();
    const gate = createGate();
    const { processor, logger } = process(
      async (id, { signal }) => {
        signals.set(id, signal);
        await gate.opened;
      },
      { leaseMs: 3_000 },
    );
    await processor.start();
    await breathe();
    await inbox.forceUnlock(row("a").id, "by hand");
    const taken = await inbox.lock(row("a").id, { token: "other", workerId: "other", leaseMs: 60_000 });
    expect(taken).not.toBeNull();
    await clock.advance(999);
    expect(signals.get("a")?.aborted).toBe(false);
    await clock.advance(1);
    expect([...signals].map(([id, signal]) => [id, signal.aborted])).toEqual([
      ["a", true],
      ["b", false],
    ]);
    gate.open();
    await breathe();
    expect(effects).toEqual(["b"]);
    expect(row("a")).toMatchObject({ status: "pending", attemptsMade: 0, lease: { token: "other" } });
    expect(processor.metrics().leasesLost).toBe(1);
    expect(logger.alarms).toEqual([expect.stringMatching(/^leases ran out before the outcomes were recorded/)]);
    await processor.stop();
  });

  it("tries on while the store does not answer, until the lease is over by its own clock; then it aborts all", async () => {
    const { process, store, effects, clock, breathe } = createInboxProcessorFixture();
    await store("a");
    let signal: AbortSignal | undefined;
    const { processor, repository, logger } = process(
      async (_id, context) => {
        signal = context.signal;
        await forEver();
      },
      { leaseMs: 3_000 },
    );
    await processor.start();
    await breathe();
    repository.failAll(unreachable);
    await clock.advance(2_999);
    expect(signal?.aborted).toBe(false);
    expect(repository.statements.filter((name) => name === "extendLease").length).toBeGreaterThan(3);
    await clock.advance(1);
    expect(signal?.aborted).toBe(true);
    expect(effects).toEqual([]);
    expect(logger.alarms).toContain("leases could not be extended; trying on until they run out");
    repository.failAll(null);
    const stopping = processor.stop();
    await clock.advance(30_000);
    await stopping;
  });

  it("survives an extension that fails once", async () => {
    const { process, store, effects, clock, after } = createInboxProcessorFixture();
    await store("a");
    const { processor, repository } = process(() => after(10_000), { leaseMs: 3_000 });
    repository.failNext("extendLease", unreachable);
    await processor.start();
    await clock.advance(10_000);
    expect(effects).toEqual(["a"]);
    expect(processor.metrics()).toMatchObject({ leasesLost: 0, abandoned: 0 });
    await processor.stop();
  });

  it("counts a lease from before the extension was sent", async () => {
    const { process, store, clock } = createInboxProcessorFixture();
    await store("a");
    let signal: AbortSignal | undefined;
    const { processor, repository } = process(
      async (_id, context) => {
        signal = context.signal;
        await forEver();
      },
      { leaseMs: 3_000 },
    );
    // Carried out at 1,000 ms, answered at 2,500 ms; nothing is answered after that.
    repository.onNext("extendLease", async (carryOut) => {
      const answer = await carryOut();
      await new Promise<void>((resolve) => clock.schedule(1_500, resolve));
      return answer;
    });
    repository.onNext("extendLease", () => forEver());
    await processor.start();
    await clock.advance(3_999);
    expect(signal?.aborted).toBe(false);
    await clock.advance(1);
    expect(signal?.aborted).toBe(true);
    const stopping = processor.stop();
    await clock.advance(30_000);
    await stopping;
  });
});

describe("two inbox processors over one lease that ran out", () => {
  it("apply the effects once, whoever comes first", async () => {
    const { process, store, effects, clock, row } = createInboxProcessorFixture();
    await store("a");
    const gate = createGate();
    const first = process(() => gate.opened, { leaseMs: 2_000 });
    await first.processor.start();
    await clock.advance(10);
    // Its heartbeats are lost on the way, and so is the abort: the handler does not listen.
    first.repository.failNext("extendLease", unreachable, 100);
    const second = process();
    await second.processor.start();
    await clock.advance(5_000);
    expect(effects).toEqual(["a"]);
    gate.open();
    await clock.advance(5_000);
    expect(effects).toEqual(["a"]);
    expect(row("a")).toMatchObject({ status: "completed", attemptsMade: 0 });
    await first.processor.stop();
    await second.processor.stop();
  });

  it("let the fence decide when the first one completes after the second one has claimed", async () => {
    const { process, store, effects, inbox, row, breathe } = createInboxProcessorFixture();
    await store("a");
    const { processor, repository } = process();
    repository.onNext("complete", async (carryOut) => {
      // Between its handler and its completion the process slept, and its lease was taken.
      await inbox.forceUnlock(row("a").id, "expired");
      await inbox.lock(row("a").id, { token: "other", workerId: "other", leaseMs: 60_000 });
      return carryOut();
    });
    await processor.start();
    await breathe();
    expect(effects).toEqual([]);
    expect(row("a")).toMatchObject({ status: "pending", lease: { token: "other" } });
    expect(processor.metrics()).toMatchObject({ completed: 0, leasesLost: 1 });
    await processor.stop();
  });
});
