import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { sampleInboxEvent } from "../../test/sample-inbox-event.js";
import { pipelineOf, stepContext } from "../../test/step-context.js";
import type { InboxEvent } from "../events/inbox-event.js";
import { outcome } from "../pipeline/outcome.js";
import { type RateLimitOptions, rateLimit } from "./rate-limit.js";

function setUp(options: RateLimitOptions<InboxEvent>, leaseMs = Number.POSITIVE_INFINITY) {
  const stopping = new AbortController();
  const lost = new AbortController();
  const { clock, context } = stepContext({
    signal: stopping.signal,
    leaseLost: () => lost.signal,
    leaseRemainingMs: () => leaseMs - clock.monotonicMs(),
  });
  const begun: number[] = [];
  const pipeline = pipelineOf(rateLimit(options), async () => {
    begun.push(clock.monotonicMs());
    return outcome.completed();
  });
  const run = (topic = "orders") => pipeline(sampleInboxEvent({ topic }), context);
  const listeners = () => [stopping.signal, lost.signal].map((signal) => getEventListeners(signal, "abort").length);
  return { clock, run, begun, stopping, lost, listeners };
}

describe("rateLimit", () => {
  it("lets a burst through at once, and what follows in its turn", async () => {
    const { clock, run, begun, listeners } = setUp({ perSecond: 10, burst: 2 });
    const running = Array.from({ length: 5 }, () => run());
    await clock.advance(1_000);
    expect(await Promise.all(running)).toEqual(new Array(5).fill(outcome.completed()));
    expect(begun).toEqual([0, 0, 100, 200, 300]);
    expect(listeners()).toEqual([0, 0]);
  });

  it("defers without an attempt what would have to wait for longer than it may, each until its own turn", async () => {
    const { clock, run, begun } = setUp({ perSecond: 10, maxWaitMs: 150 });
    const running = Array.from({ length: 4 }, () => run());
    await clock.advance(1_000);
    const message = "PIPELINE.RATE_LIMITED: more events than 10 in a second: it is put off until its turn";
    const failure = { code: "PIPELINE.RATE_LIMITED", message };
    expect(await Promise.all(running)).toEqual([
      outcome.completed(),
      outcome.completed(),
      { kind: "defer", failure, delayMs: 200 },
      { kind: "defer", failure, delayMs: 300 },
    ]);
    expect(begun).toEqual([0, 100]);
  });

  it("never waits for longer than half of what is left of the lease", async () => {
    const { run, clock } = setUp({ perSecond: 1, maxWaitMs: 60_000 }, 2_200);
    const running = [run(), run(), run()];
    await clock.advance(1_000);
    expect((await Promise.all(running)).map(({ kind }) => kind)).toEqual(["completed", "completed", "defer"]);
  });

  it("has a limit of its own for each key", async () => {
    const { run, begun } = setUp({ perSecond: 1, maxWaitMs: 0, key: ({ topic }) => topic });
    const kinds = (await Promise.all([run("a"), run("a"), run("b")])).map(({ kind }) => kind);
    expect(kinds).toEqual(["completed", "defer", "completed"]);
    expect(begun.length).toBe(2);
  });

  it.each(["stopping", "lost"] as const)(
    "releases what waits when the worker is stopping or the lease is lost (%s)",
    async (which) => {
      const all = setUp({ perSecond: 1 });
      const { run, clock, begun, listeners } = all;
      const running = [run(), run()];
      await clock.advance(500);
      all[which].abort();
      expect((await Promise.all(running)).map(({ kind }) => kind)).toEqual(["completed", "release"]);
      expect(await run()).toMatchObject({ kind: "release" });
      await clock.advance(5_000);
      expect([begun, clock.pendingTimers, listeners()]).toEqual([[0], 0, [0, 0]]);
    },
  );

  it("bursts by a tenth of a second's worth unless it is told otherwise", async () => {
    const { run, begun } = setUp({ perSecond: 50, maxWaitMs: 0 });
    await Promise.all(Array.from({ length: 10 }, () => run()));
    expect(begun.length).toBe(5);
  });

  it("refuses options that cannot work, all at once", () => {
    expect(() => rateLimit({ perSecond: 0, burst: 0.5, maxWaitMs: -1, key: "k" } as never)).toThrow(
      /rateLimit: 4 problems: perSecond: .*; burst: .*; key: .*; maxWaitMs: /,
    );
    expect(() => rateLimit({} as never)).toThrow(/rateLimit: 1 problem: perSecond: /);
  });
});
