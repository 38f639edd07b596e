import { getEventListeners } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { createGate } from "../../test/gate.js";
import { sampleInboxEvent } from "../../test/sample-inbox-event.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { silentAbort } from "../internal/silent-abort.js";
import { composePipeline } from "../pipeline/compose-pipeline.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import { silentLogger } from "../protocols/logger.js";
import { createManualClock } from "../testing/manual-clock.js";
import { type DeduplicateSiblingsOptions, deduplicateSiblings } from "./deduplicate-siblings.js";

const skipped = outcome.completed("skipped: a sibling was completed");

/** A pipeline with the step, whose handler ends when its gate is opened. */
function setUp(options: Partial<DeduplicateSiblingsOptions<InboxEvent>> = {}) {
  const clock = createManualClock();
  const stopping = new AbortController();
  const leases = new Map<string, AbortController>();
  const gates: ReturnType<typeof createGate<Outcome>>[] = [];
  const handle = vi.fn((_event: InboxEvent) => {
    const gate = createGate<Outcome>();
    gates.push(gate);
    return gate.opened;
  });
  const step = deduplicateSiblings<InboxEvent>({ siblingKey: ({ partitionKey }) => partitionKey, ...options });
  const pipeline = composePipeline([step], { name: "handler", requiredLeaseMs: 0, handle });

  function run(id: string, key = "order-1"): Promise<Outcome> {
    const lease = new AbortController();
    leases.set(id, lease);
    return pipeline(sampleInboxEvent({ id, partitionKey: key }), {
      workerId: "worker",
      clock,
      logger: silentLogger,
      signal: stopping.signal,
      fence: null,
      leaseRemainingMs: () => Number.POSITIVE_INFINITY,
      isGivenUp: () => false,
      leaseLost: ({ id }) => leases.get(id)?.signal ?? silentAbort,
    });
  }
  return {
    clock,
    run,
    stop: () => stopping.abort(),
    listeners: () => getEventListeners(stopping.signal, "abort").length,
    loseLease: (id: string) => leases.get(id)?.abort(),
    handled: () => handle.mock.calls.map(([{ id }]) => id),
    /** Ends the work that began as the n-th. */
    async end(n: number, result = outcome.completed()) {
      gates[n]?.open(result);
      await clock.advance(0);
    },
  };
}

describe("deduplicateSiblings", () => {
  it("completes as skipped what came while a sibling was at work, once that has completed", async () => {
    const { clock, run, end, handled, listeners } = setUp();
    const running = [run("1"), run("2"), run("3")];
    await clock.advance(0);
    expect(handled()).toEqual(["1"]);
    await end(0);
    expect(await Promise.all(running)).toEqual([outcome.completed(), skipped, skipped]);
    expect(handled()).toEqual(["1"]);
    expect(listeners()).toBe(0);
  });

  it.each([outcome.retry("x"), outcome.defer("x"), outcome.failed("x"), outcome.release("x")])(
    "works on one of those that waited when the sibling ends as $kind",
    async (result) => {
      const { clock, run, end, handled } = setUp();
      const running = [run("1"), run("2"), run("3")];
      await clock.advance(0);
      await end(0, result);
      expect(handled()).toEqual(["1", "2"]);
      await end(1);
      expect(await Promise.all(running)).toEqual([result, outcome.completed(), skipped]);
    },
  );

  it("skips what comes within the window after a sibling has completed, and not what comes later", async () => {
    const { clock, run, end, handled } = setUp({ windowMs: 1_000 });
    void run("1");
    await end(0);
    await clock.advance(999);
    expect(await run("2")).toEqual(skipped);
    await clock.advance(1);
    void run("3");
    await clock.advance(0);
    expect(handled()).toEqual(["1", "3"]);
  });

  it("skips only what was waiting when the window is 0", async () => {
    const { clock, run, end, handled } = setUp({ windowMs: 0 });
    const running = [run("1"), run("2")];
    await clock.advance(0);
    await end(0);
    expect(await Promise.all(running)).toEqual([outcome.completed(), skipped]);
    void run("3");
    await clock.advance(0);
    expect(handled()).toEqual(["1", "3"]);
  });

  it("remembers the keys that were completed last, and no more than it may", async () => {
    const { run, end, handled } = setUp({ maxKeys: 2 });
    for (const [index, key] of ["a", "b", "c"].entries()) {
      void run(key, key);
      await end(index);
    }
    expect(await run("c again", "c")).toEqual(skipped);
    expect(await run("b again", "b")).toEqual(skipped);
    void run("a again", "a");
    await end(3);
    expect(handled()).toEqual(["a", "b", "c", "a again"]);
  });

  it("lets other keys, and events without one, alone", async () => {
    const { clock, run, handled } = setUp({
      siblingKey: ({ partitionKey }) => (partitionKey === "none" ? null : partitionKey),
    });
    void run("1", "a");
    void run("2", "b");
    void run("3", "none");
    void run("4", "none");
    await clock.advance(0);
    expect(handled()).toEqual(["1", "2", "3", "4"]);
  });

  it("gives back what waits when the worker stops, or when its lease is lost, and leaves the sibling at work", async () => {
    const { clock, run, end, stop, loseLease, handled, listeners } = setUp();
    const [first, second, third] = [run("1"), run("2"), run("3")];
    await clock.advance(0);
    loseLease("2");
    expect(await second).toMatchObject({ kind: "release" });
    stop();
    expect(await third).toMatchObject({ kind: "release" });
    expect(await run("4")).toMatchObject({ kind: "release" });
    await end(0);
    expect(await first).toEqual(outcome.completed());
    expect(handled()).toEqual(["1"]);
    expect(listeners()).toBe(0);
  });

  it("retries an event whose key cannot be had", async () => {
    const { run, handled } = setUp({
      siblingKey: () => {
        throw new TypeError("x");
      },
    });
    expect(await run("1")).toMatchObject({ kind: "retry", failure: { code: "TypeError" } });
    expect(handled()).toEqual([]);
  });

  it("refuses options that cannot work, all at once", () => {
    expect(() => deduplicateSiblings({ windowMs: -1, maxKeys: 0, ttl: 1 } as never)).toThrow(
      /^CONFIG\.INVALID_OPTIONS: deduplicateSiblings: 4 problems: siblingKey: .*; windowMs: .*; maxKeys: .*; unknown option "ttl"$/,
    );
  });
});
