import { describe, expect, it } from "vitest";
import { createKeyTurns } from "./key-turns.js";

describe("the turns of a key", () => {
  it("are given one at a time, in the order in which events entered; other keys do not wait", async () => {
    const turns = createKeyTurns(1);
    const order: string[] = [];
    expect([turns.enter("k"), turns.enter("other")]).toEqual([true, true]);
    const second = Promise.resolve(turns.enter("k")).then((isTurn) => order.push(`second ${isTurn}`));
    const third = Promise.resolve(turns.enter("k")).then((isTurn) => order.push(`third ${isTurn}`));
    turns.next("k");
    await second;
    expect(order).toEqual(["second true"]);
    turns.next("k");
    await third;
    expect(order).toEqual(["second true", "third true"]);
    turns.next("k");
    expect(turns.enter("k")).toBe(true);
  });

  it("end with the first that does not complete: those that wait are turned away, and the key can be entered anew", async () => {
    const turns = createKeyTurns(1);
    turns.enter("k");
    const waiting = [turns.enter("k"), turns.enter("k")];
    turns.stop("k");
    expect(await Promise.all(waiting)).toEqual([false, false]);
    expect(turns.enter("k")).toBe(true);
  });

  it("can be refused to those that wait while the one in turn goes on", async () => {
    const turns = createKeyTurns(1);
    turns.enter("k");
    const waiting = turns.enter("k");
    turns.turnAway("k");
    expect(await waiting).toBe(false);
    const next = turns.enter("k");
    expect(next).not.toBe(true);
    turns.next("k");
    expect(await next).toBe(true);
  });

  it("are as many at once as the key may have in flight", async () => {
    const turns = createKeyTurns(2);
    expect([turns.enter("k"), turns.enter("k")]).toEqual([true, true]);
    const third = turns.enter("k");
    expect(third).not.toBe(true);
    turns.next("k");
    expect(await third).toBe(true);
  });
});
