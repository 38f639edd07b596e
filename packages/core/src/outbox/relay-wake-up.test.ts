import { describe, expect, it } from "vitest";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDrafts, storeEvents } from "../../test/sample-events.js";
import type { WakeUp } from "../protocols/wake-up.js";

/** A wake-up that the test gives, and how often the relay began and ended to listen. */
function manualWakeUp() {
  const listeners = new Set<() => void>();
  const calls = { listen: 0, stop: 0 };
  const wakeUp: WakeUp = {
    listen(onWake) {
      calls.listen += 1;
      listeners.add(onWake);
      return async () => {
        calls.stop += 1;
        listeners.delete(onWake);
      };
    },
  };
  return {
    wakeUp,
    calls,
    wake() {
      for (const onWake of listeners) onWake();
    },
  };
}

describe("a relay with a wake-up", () => {
  it("looks for events at once when it is woken", async () => {
    const { wakeUp, wake } = manualWakeUp();
    const { relay, repository, clock, delivered, breathe } = createRelayFixture({ wakeUp });
    await relay.start();
    await clock.advance(5_000);
    await storeEvents(repository, sampleDrafts(1));
    await breathe();
    expect(delivered()).toEqual([]);
    wake();
    await breathe();
    expect(delivered()).toEqual(["order-1"]);
    await relay.stop();
  });

  it("finds events without being woken, by polling", async () => {
    const { relay, repository, clock, delivered } = createRelayFixture({ wakeUp: manualWakeUp().wakeUp });
    await relay.start();
    await clock.advance(5_000);
    await storeEvents(repository, sampleDrafts(1));
    await clock.advance(1_200);
    expect(delivered()).toEqual(["order-1"]);
    await relay.stop();
  });

  it("listens from each start to the stop that follows", async () => {
    const { wakeUp, calls } = manualWakeUp();
    const { relay } = createRelayFixture({ wakeUp });
    expect(calls).toEqual({ listen: 0, stop: 0 });
    await relay.start();
    expect(calls).toEqual({ listen: 1, stop: 0 });
    await relay.stop();
    await relay.stop();
    expect(calls).toEqual({ listen: 1, stop: 1 });
    await relay.start();
    expect(calls).toEqual({ listen: 2, stop: 1 });
    await relay.stop();
  });

  it("does not listen when it cannot start", async () => {
    const { wakeUp, calls } = manualWakeUp();
    const { relay, repository } = createRelayFixture({ wakeUp });
    repository.failNext("verify", new Error("no tables"));
    await expect(relay.start()).rejects.toThrow("no tables");
    expect(calls).toEqual({ listen: 0, stop: 0 });
  });

  it.each<[string, WakeUp]>([
    [
      "that cannot listen",
      {
        listen() {
          throw new Error("no channel");
        },
      },
    ],
    ["whose end fails", { listen: () => () => Promise.reject(new Error("no channel")) }],
  ])("%s runs and stops all the same, and says so once", async (_name, wakeUp) => {
    const { relay, repository, logger, delivered, clock } = createRelayFixture({ wakeUp });
    await storeEvents(repository, sampleDrafts(1));
    await relay.start();
    await clock.advance(1_000);
    expect(delivered()).toEqual(["order-1"]);
    expect(await relay.stop()).toMatchObject({ clean: true });
    const warnings = logger.lines.filter(({ level }) => level === "warn");
    expect(warnings).toEqual([expect.objectContaining({ fields: { code: "Error", message: "no channel" } })]);
  });

  it("whose end never comes stops all the same", async () => {
    const wakeUp: WakeUp = { listen: () => () => new Promise(() => undefined) };
    const { relay, settle } = createRelayFixture({ wakeUp });
    await relay.start();
    expect(await settle(relay.stop(), 1_000)).toMatchObject({ clean: true });
  });
});
