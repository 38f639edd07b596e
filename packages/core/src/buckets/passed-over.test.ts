import { describe, expect, it } from "vitest";
import { createPassedOver } from "./passed-over.js";

describe("events that were read in vain", () => {
  it("are told until reading begins behind them", () => {
    const passedOver = createPassedOver(10);
    for (const seq of [1n, 2n, 3n]) passedOver.add({ bucket: 0, seq });
    expect(passedOver.behind(1n)).toEqual([2n, 3n]);
    expect(passedOver.behind(0n)).toEqual([2n, 3n]);
    expect(passedOver.behind(3n)).toEqual([]);
  });

  it("are forgotten with their bucket, and with all", () => {
    const passedOver = createPassedOver(10);
    for (const bucket of [0, 1, 0, 2]) passedOver.add({ bucket, seq: BigInt(10 + bucket) });
    passedOver.forget(0);
    expect(passedOver.behind(0n)).toEqual([11n, 12n]);
    passedOver.forgetAll();
    expect(passedOver.behind(0n)).toEqual([]);
  });

  it("are no more than there is room for, which comes back when some are forgotten", () => {
    const passedOver = createPassedOver(2);
    for (const seq of [1n, 2n, 3n]) passedOver.add({ bucket: 0, seq });
    expect(passedOver.behind(1n)).toEqual([2n]);
    passedOver.add({ bucket: 0, seq: 4n });
    expect(passedOver.behind(1n)).toEqual([2n, 4n]);
  });
});
