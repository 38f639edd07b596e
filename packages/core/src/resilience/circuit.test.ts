import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Circuit, type CircuitPass, type CircuitState, createCircuit } from "./circuit.js";

const failure = { code: "ECONNREFUSED", message: "nobody is there" };
const options = { failureThreshold: 3, halfOpenAfterMs: 1_000, halfOpenMaxMs: 8_000, random: () => 0 };

function setUp(changes: Partial<typeof options> = {}) {
  const changesOfState: string[] = [];
  const circuit: Circuit = createCircuit({ ...options, ...changes }, (from) =>
    changesOfState.push(`${from} to ${circuit.state}`),
  );
  const enter = (nowMs: number): CircuitPass => {
    const pass = circuit.enter(nowMs);
    if (pass === null) throw new Error("it must not begin");
    return pass;
  };
  const open = (nowMs: number) => {
    const passes = Array.from({ length: options.failureThreshold }, () => enter(nowMs));
    for (const pass of passes) pass.failed(failure, nowMs);
  };
  return { circuit, changesOfState, enter, open };
}

describe("a circuit", () => {
  it("opens with the failure that is one too many in a row, and not before", () => {
    const { circuit, enter } = setUp();
    for (const ended of ["failed", "failed", "succeeded", "failed", "failed"] as const) {
      const pass = enter(0);
      if (ended === "failed") pass.failed(failure, 0);
      else pass.succeeded(0);
    }
    expect([circuit.state, circuit.failuresInRow]).toEqual(["closed", 2]);
    enter(0).failed(failure, 0);
    expect([circuit.state, circuit.failure]).toEqual(["open", failure]);
  });

  it("stays open until its time is over, whatever becomes of what began before", () => {
    const { circuit, enter, open } = setUp();
    const early = [enter(0), enter(0), enter(0)];
    open(0);
    early[0]?.succeeded(1);
    early[1]?.failed(failure, 1);
    early[2]?.endedWithoutAnswer();
    expect([circuit.state, circuit.enter(999), circuit.remainingMs(400)]).toEqual(["open", null, 600]);
    expect(circuit.enter(1_000)).not.toBeNull();
    expect(circuit.state).toBe("halfOpen");
  });

  it("lets one be tried at a time, and closes with its success", () => {
    const { circuit, enter, open, changesOfState } = setUp();
    open(0);
    const tried = enter(1_000);
    expect([circuit.enter(1_000), circuit.enter(5_000)]).toEqual([null, null]);
    tried.succeeded(5_000);
    expect([circuit.state, circuit.failuresInRow, circuit.failure, circuit.sinceMs]).toEqual([
      "closed",
      0,
      null,
      5_000,
    ]);
    expect(changesOfState).toEqual(["closed to open", "open to halfOpen", "halfOpen to closed"]);
  });

  it("opens again, for longer, with the first failure of a try", () => {
    const { circuit, enter, open } = setUp({ random: () => 1 - 2 ** -53 });
    open(0);
    const openFor: number[] = [];
    for (let now = 0, tries = 0; tries < 5; tries += 1) {
      openFor.push(circuit.remainingMs(now));
      now += circuit.remainingMs(now);
      enter(now).failed(failure, now);
    }
    expect(openFor).toEqual([2_000, 3_000, 5_000, 8_000, 8_000]);
  });

  it("begins with short times anew after it was closed", () => {
    const { circuit, enter, open } = setUp({ random: () => 1 - 2 ** -53 });
    open(0);
    enter(8_000).failed(failure, 8_000);
    enter(16_000).succeeded(16_000);
    open(16_000);
    expect(circuit.remainingMs(16_000)).toBe(2_000);
  });

  it("lets the next one be tried when a try came to nothing that says anything", () => {
    const { circuit, enter, open } = setUp();
    open(0);
    enter(1_000).endedWithoutAnswer();
    expect(circuit.state).toBe("halfOpen");
    enter(1_001).succeeded(1_001);
    expect(circuit.state).toBe("closed");
  });

  it("does not wait for ever for a try, and takes no late word of it", () => {
    const { circuit, enter, open } = setUp();
    open(0);
    const hanging = enter(1_000);
    expect(circuit.enter(8_999)).toBeNull();
    const second = enter(9_000);
    hanging.succeeded(9_001);
    expect(circuit.state).toBe("halfOpen");
    second.failed(failure, 9_002);
    expect(circuit.state).toBe("open");
  });

  it("behaves like its model, whatever happens in whatever order", () => {
    const command = fc.oneof(
      fc.record({ kind: fc.constant("enter" as const) }),
      fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 3_000 }) }),
      fc.record({
        kind: fc.constant("end" as const),
        which: fc.nat(20),
        how: fc.constantFrom("succeeded" as const, "failed" as const, "nothing" as const),
      }),
    );
    fc.assert(
      fc.property(
        fc.array(command, { maxLength: 80 }),
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 100, maxLength: 100 }),
        (commands, chances) => {
          let draws = 0;
          const { circuit } = setUp({ random: () => chances[draws++ % chances.length] ?? 0 });
          let now = 0;
          /** The model: what is known from outside, without the circuit's own variables. */
          let state = "closed" as CircuitState;
          let inRow = 0;
          let openedAt = 0;
          let tryPass: CircuitPass | null = null;
          let tryAt = 0;
          const counting = new Set<CircuitPass>();
          const all: CircuitPass[] = [];
          const opened = () => {
            state = "open";
            openedAt = now;
            tryPass = null;
            counting.clear();
          };
          for (const given of commands) {
            if (given.kind === "wait") now += given.ms;
            else if (given.kind === "enter") {
              const pass = circuit.enter(now);
              if (state === "open") {
                if (now - openedAt < options.halfOpenAfterMs) expect(pass).toBeNull();
                if (now - openedAt >= options.halfOpenMaxMs) expect(pass).not.toBeNull();
                if (pass !== null) state = "halfOpen";
              } else if (state === "halfOpen") {
                expect(pass === null).toBe(tryPass !== null && now - tryAt < options.halfOpenMaxMs);
              } else expect(pass).not.toBeNull();
              if (pass === null) continue;
              all.push(pass);
              if (state === "closed") counting.add(pass);
              else {
                tryPass = pass;
                tryAt = now;
              }
            } else {
              const [pass] = all.splice(given.which % Math.max(1, all.length), 1);
              if (pass === undefined) continue;
              if (given.how === "succeeded") pass.succeeded(now);
              else if (given.how === "failed") pass.failed(failure, now);
              else pass.endedWithoutAnswer();
              const isTry: boolean = pass === tryPass;
              if (isTry) tryPass = null;
              if (!isTry && !counting.delete(pass)) continue;
              if (given.how === "succeeded") {
                inRow = 0;
                if (isTry) state = "closed";
              } else if (given.how === "failed") {
                inRow += 1;
                if (isTry || inRow >= options.failureThreshold) opened();
              }
            }
            expect([circuit.state, circuit.failuresInRow]).toEqual([state, inRow]);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
