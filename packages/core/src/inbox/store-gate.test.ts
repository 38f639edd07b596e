import { describe, expect, it } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { driveUntil } from "../../test/drive-clock.js";
import type { FailureDescription } from "../errors/describe-failure.js";
import { silentAbort } from "../internal/silent-abort.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createStoreGate } from "./store-gate.js";

const outage: FailureDescription = { code: "STORE.UNREACHABLE", message: "away" };

function createFixture() {
  const clock = createManualClock();
  const logger = captureLogger();
  const gate = createStoreGate(clock, logger);
  let failure: FailureDescription | null = null;
  let atWork = 0;
  const tried: string[] = [];
  let mostAtWork = 0;
  return {
    clock,
    logger,
    gate,
    tried,
    fail: (given: FailureDescription | null) => {
      failure = given;
    },
    mostAtWork: () => mostAtWork,
    try: (name: string, signal = silentAbort) =>
      gate.attempt(
        signal,
        async () => {
          tried.push(name);
          atWork += 1;
          mostAtWork = Math.max(mostAtWork, atWork);
          await new Promise<void>((resolve) => clock.schedule(10, resolve));
          atWork -= 1;
          return { failure };
        },
        (result) => result.failure,
      ),
  };
}

describe("the store gate", () => {
  it("lets everybody in while the store answers", async () => {
    const { clock, mostAtWork, gate, ...fixture } = createFixture();
    const all = ["a", "b", "c"].map((name) => fixture.try(name));
    await clock.advance(10);
    await Promise.all(all);
    expect([mostAtWork(), gate.failure]).toEqual([3, null]);
  });

  it("lets one probe in at a time during an outage, each time another, and all when it is over", async () => {
    const { clock, logger, gate, tried, fail, mostAtWork, ...fixture } = createFixture();
    fail(outage);
    const first = fixture.try("first");
    await clock.advance(10);
    await first;
    tried.splice(0);
    const names = ["a", "b", "c"];
    let done = 0;
    const stubborn = names.map(async (name) => {
      while ((await fixture.try(name))?.failure !== null);
      done += 1;
    });
    await driveUntil(clock, () => tried.length === 6, { stepMs: 10 });
    expect([tried, mostAtWork()]).toEqual([["a", "b", "c", "a", "b", "c"], 1]);
    fail(null);
    await driveUntil(clock, () => done === 3, { stepMs: 10 });
    await Promise.all(stubborn);
    expect(gate.failure).toBeNull();
    expect(logger.alarms).toEqual([
      expect.stringContaining("the database does not answer"),
      expect.stringContaining("the database answers again"),
    ]);
  });

  it("opens for the others as soon as a probe says that it was answered", async () => {
    const { clock, gate, fail, tried, ...fixture } = createFixture();
    fail(outage);
    const first = fixture.try("first");
    await clock.advance(10);
    await first;
    fail(null);
    const longProbe = gate.attempt(
      silentAbort,
      async (answered) => {
        answered();
        await new Promise<void>((resolve) => clock.schedule(60_000, resolve));
        return { failure: null };
      },
      (result) => result.failure,
    );
    const other = fixture.try("other");
    await clock.advance(1_000);
    await other;
    expect([tried, gate.failure]).toEqual([["first", "other"], null]);
    await clock.advance(60_000);
    await longProbe;
  });

  it("stays open for what was answered and lost afterwards, and does not take that for the end of an outage either", async () => {
    const { clock, gate, fail, logger, ...fixture } = createFixture();
    const lose = () =>
      gate.attempt(
        silentAbort,
        (answered) => loseAfter(answered),
        () => outage,
      );
    let endOfLoss: () => void = () => undefined;
    const loseAfter = async (answered: () => void) => {
      answered();
      await new Promise<void>((resolve) => {
        endOfLoss = resolve;
      });
      return {};
    };
    const first = lose();
    await clock.advance(0);
    endOfLoss();
    await first;
    expect([gate.failure, logger.alarms]).toEqual([null, []]);
    const second = lose();
    await clock.advance(0);
    fail(outage);
    const other = fixture.try("other");
    await clock.advance(10);
    await other;
    endOfLoss();
    await second;
    expect(gate.failure).toEqual(outage);
  });

  it("passes the probe on when its holder had nothing to do any more, or gives up", async () => {
    const { clock, fail, tried, gate, ...fixture } = createFixture();
    fail(outage);
    const first = fixture.try("first");
    await clock.advance(10);
    await first;
    fail(null);
    const stopping = new AbortController();
    const abortedOne = fixture.try("aborted", stopping.signal);
    const idle = gate.attempt(
      silentAbort,
      async () => null,
      () => null,
    );
    const last = fixture.try("last");
    stopping.abort();
    expect(await abortedOne).toBeNull();
    await clock.advance(1_000);
    expect(await idle).toBeNull();
    expect([(await last)?.failure, tried]).toEqual([null, ["first", "last"]]);
  });
});
