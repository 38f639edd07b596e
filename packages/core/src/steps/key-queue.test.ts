import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { silentAbort } from "../internal/silent-abort.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createKeyQueue } from "./key-queue.js";

function setUp() {
  const clock = createManualClock();
  const queue = createKeyQueue(clock);
  const begun: string[] = [];
  const gates = new Map<string, ReturnType<typeof createGate<string>>>();
  return {
    clock,
    begun,
    run: (name: string, { key = "k", waitMs = 1_000, ended = silentAbort } = {}) =>
      queue.run(key, waitMs, ended, (leftMs) => {
        begun.push(`${name} ${leftMs}`);
        const gate = createGate<string>();
        gates.set(name, gate);
        return gate.opened;
      }),
    async end(name: string) {
      gates.get(name)?.open(`${name} is done`);
      await clock.advance(0);
    },
  };
}

describe("a queue by key", () => {
  it("lets one at a time work, in the order of their coming, also those that came in the same turn", async () => {
    const { clock, begun, run, end } = setUp();
    const running = [run("1"), run("2"), run("3"), run("other", { key: "l" })];
    await clock.advance(0);
    expect(begun).toEqual(["1 1000", "other 1000"]);
    await end("1");
    expect(begun).toEqual(["1 1000", "other 1000", "2 1000"]);
    await end("2");
    await end("3");
    await end("other");
    expect(await Promise.all(running)).toEqual(["1 is done", "2 is done", "3 is done", "other is done"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("tells how much of the wait is left, and ends it when it is over", async () => {
    const { clock, begun, run, end } = setUp();
    const first = run("1");
    const [short, long] = [run("2", { waitMs: 300 }), run("3", { waitMs: 500 })];
    await clock.advance(300);
    expect(await short).toBe(null);
    await clock.advance(100);
    await end("1");
    expect(await first).toBe("1 is done");
    expect(begun).toEqual(["1 1000", "3 100"]);
    await end("3");
    expect(await long).toBe("3 is done");
    expect(clock.pendingTimers).toBe(0);
  });

  it("ends the wait when it is told to", async () => {
    const { clock, run } = setUp();
    void run("1");
    const stopping = new AbortController();
    const waiting = run("2", { ended: stopping.signal });
    await clock.advance(100);
    stopping.abort();
    expect(await waiting).toBe(null);
    expect(clock.pendingTimers).toBe(0);
  });
});
