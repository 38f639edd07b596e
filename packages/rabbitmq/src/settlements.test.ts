import { setImmediate as nextTurn } from "node:timers/promises";
import { createManualClock, type ManualClock } from "@omni-box/core/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { Settlements } from "./settlements.js";

let clock: ManualClock;
let told: string[];
let emptied: number;

beforeEach(() => {
  clock = createManualClock();
  told = [];
  emptied = 0;
});

function create(delivered: number, batchSize = 10): Settlements {
  const settlements = new Settlements({
    wire: {
      ack: (tag, allUpTo) => told.push(`ack ${allUpTo ? "up to " : ""}${tag}`),
      nack: (tag, requeue) => told.push(`${requeue ? "requeue" : "dead-letter"} ${tag}`),
    },
    clock,
    batchSize,
    delayMs: 5,
    onEmpty: () => {
      emptied += 1;
    },
  });
  for (let tag = 1; tag <= delivered; tag += 1) settlements.delivered(tag);
  return settlements;
}

describe("acknowledgements", () => {
  it("that follow each other go as one, at the end of the turn when little is in hand", async () => {
    const settlements = create(5);
    for (const tag of [2, 1, 3]) settlements.ack(tag);

    expect(told).toEqual([]);
    await nextTurn();

    expect(told).toEqual(["ack up to 3"]);
    expect(settlements.unsettled).toBe(2);
  });

  it("behind one that is in hand go singly", async () => {
    const settlements = create(6);
    for (const tag of [6, 4, 1, 2]) settlements.ack(tag);
    await nextTurn();

    expect(told).toEqual(["ack up to 2", "ack 4", "ack 6"]);
  });

  it("include what was refused before them, which the broker knows of", async () => {
    const settlements = create(4);
    settlements.nack(2, true);
    for (const tag of [1, 3]) settlements.ack(tag);
    await nextTurn();

    expect(told).toEqual(["requeue 2", "ack up to 3"]);
  });

  it("wait for others while much is in hand", async () => {
    const settlements = create(100);
    settlements.ack(1);
    await nextTurn();
    await clock.advance(4);
    settlements.ack(2);
    expect(told).toEqual([]);
    await clock.advance(1);

    expect(told).toEqual(["ack up to 2"]);
    expect(clock.pendingTimers).toBe(0);
  });

  it("go at once when they are many", () => {
    const settlements = create(100);
    for (let tag = 1; tag <= 10; tag += 1) settlements.ack(tag);

    expect(told).toEqual(["ack up to 10"]);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("each delivery", () => {
  it("is settled once, by the first word", async () => {
    const settlements = create(2);
    settlements.nack(1, false);
    settlements.ack(1);
    settlements.nack(1, true);
    settlements.ack(2);
    settlements.ack(2);
    await nextTurn();

    expect(told).toEqual(["dead-letter 1", "ack 2"]);
    expect(emptied).toBe(1);
  });

  it("is not settled any more when the channel has gone, nor are acks that waited", async () => {
    const settlements = create(100);
    settlements.ack(1);
    settlements.end();
    settlements.ack(2);
    settlements.nack(3, true);
    settlements.delivered(101);
    settlements.flush();
    await nextTurn();

    expect(told).toEqual([]);
    expect(settlements.unsettled).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });
});

it("tells the broker about each tag once and none that is in hand, whatever the order", async () => {
  // A small generator with a fixed seed: the same thousand orders in every run.
  let seed = 42;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  for (let run = 0; run < 1_000; run += 1) {
    const inBroker = new Set<number>();
    const fates = new Map<number, string>();
    const settle = (tag: number, fate: string) => {
      expect(inBroker.delete(tag), `tag ${tag} is unsettled at the broker`).toBe(true);
      expect(fates.get(tag), `what was said of tag ${tag}`).toBe(fate);
    };
    const settlements = new Settlements({
      wire: {
        ack(tag, allUpTo) {
          if (allUpTo) for (const earlier of [...inBroker].filter((other) => other < tag)) settle(earlier, "ack");
          settle(tag, "ack");
        },
        nack: (tag, requeue) => settle(tag, requeue ? "requeue" : "dead-letter"),
      },
      clock,
      batchSize: 1 + random(8),
      delayMs: 5,
      onEmpty: () => undefined,
    });
    const inHand: number[] = [];
    for (let tag = 1; tag <= 40; tag += 1) {
      inBroker.add(tag);
      settlements.delivered(tag);
      inHand.push(tag);
      while (inHand.length > 0 && random(3) === 0) {
        const [chosen = 0] = inHand.splice(random(inHand.length), 1);
        const fate = ["ack", "ack", "ack", "requeue", "dead-letter"][random(5)] ?? "ack";
        fates.set(chosen, fate);
        if (fate === "ack") settlements.ack(chosen);
        else settlements.nack(chosen, fate === "requeue");
      }
      if (random(10) === 0) settlements.flush();
    }
    settlements.flush();
    expect([...inBroker].sort()).toEqual([...inHand].sort());
  }
  await nextTurn();
  await clock.advance(5);
});
