import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { joinSignals } from "./join-signals.js";

describe("joined signals", () => {
  it("are aborted with the first one that is, and its reason", () => {
    const [one, two] = [new AbortController(), new AbortController()];
    const { signal } = joinSignals(one.signal, two.signal);
    expect(signal.aborted).toBe(false);
    two.abort("the second");
    one.abort("the first");
    expect(signal.reason).toBe("the second");
  });

  it("are aborted from the beginning when one of them is", () => {
    expect(joinSignals(new AbortController().signal, AbortSignal.abort("before")).signal.reason).toBe("before");
  });

  it("leave no listener on what may live as long as the process", () => {
    const { signal } = new AbortController();
    joinSignals(signal).release();
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });
});
