import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { highestOfEachKey, type KeySequence, newerInTurn } from "./key-sequence.js";

const event = (partitionKey: string, seq: number, changes: Partial<KeySequence> = {}): KeySequence => ({
  consumerGroup: "shipping",
  topic: "orders",
  partitionKey,
  seq: BigInt(seq),
  ...changes,
});
const none = () => null;

describe("the events of a key", () => {
  it("are newer when they come in order, and only the highest so far when they do not", () => {
    expect(newerInTurn([event("k", 1), event("k", 2), event("k", 3)], none)).toEqual([true, true, true]);
    expect(newerInTurn([event("k", 2), event("k", 1), event("k", 3), event("k", 3)], none)).toEqual([
      true,
      false,
      true,
      false,
    ]);
  });

  it("are compared with the number that their key had before", () => {
    expect(
      newerInTurn([event("k", 4), event("k", 6), event("other", 1)], ({ partitionKey }) =>
        partitionKey === "k" ? 5n : null,
      ),
    ).toEqual([false, true, true]);
  });

  it("have nothing to do with those of another key, topic or group", () => {
    const others = [
      event("other", 1),
      event("k", 1, { topic: "payments" }),
      event("k", 1, { consumerGroup: "billing" }),
    ];
    expect(newerInTurn([event("k", 2), ...others], none)).toEqual([true, true, true, true]);
    expect(highestOfEachKey([event("k", 2), event("k", 3), event("k", 1), ...others])).toEqual([
      event("k", 3),
      ...others,
    ]);
  });

  it("come to the same in one list as in several", () => {
    const list = fc.array(fc.tuple(fc.constantFrom("a", "b"), fc.integer({ min: 0, max: 9 })), { maxLength: 20 });
    fc.assert(
      fc.property(list, fc.nat(20), (pairs, cut) => {
        const events = pairs.map(([key, seq]) => event(key, seq));
        const first = events.slice(0, cut);
        const highest = new Map(highestOfEachKey(first).map(({ partitionKey, seq }) => [partitionKey, seq]));
        const rest = newerInTurn(events.slice(cut), ({ partitionKey }) => highest.get(partitionKey) ?? null);
        expect([...newerInTurn(first, none), ...rest]).toEqual(newerInTurn(events, none));
      }),
    );
  });
});
