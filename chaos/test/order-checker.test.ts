import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CommittedEvent, checkOrder, type Delivery, noFaults } from "./order-checker.js";

const event = (partitionKey: string, seq: number): CommittedEvent => ({
  id: `event-${seq}`,
  partitionKey,
  seq: BigInt(seq),
});
const [a1, b2, a3, b4, a5] = [event("a", 1), event("b", 2), event("a", 3), event("b", 4), event("a", 5)];
const committed = [a1, b2, a3, b4, a5];

const arrivalOf = ({ id, ...rest }: CommittedEvent): Delivery => ({ messageId: id, ...rest });
const check = (...arrivals: readonly CommittedEvent[]) => checkOrder(arrivals.map(arrivalOf), committed);

describe("checkOrder", () => {
  it("finds no fault where each event arrives once, in the order of its key, whatever the keys do to each other", () => {
    expect(check(b2, b4, a1, a3, a5)).toEqual({ faults: noFaults, duplicates: 0 });
  });

  it("names an event that never arrived", () => {
    expect(check(a1, b2, b4, a5).faults).toEqual({ ...noFaults, lost: ["event-3"] });
  });

  it("names a message that was never committed, once", () => {
    const rolledBack = event("a", 2);
    const arrivals = [a1, { ...rolledBack, id: "rolled back" }, { ...rolledBack, id: "rolled back" }, b2, a3, b4, a5];
    expect(check(...arrivals)).toEqual({ faults: { ...noFaults, phantoms: ["rolled back"] }, duplicates: 1 });
  });

  it("names each event that arrives for the first time after a later one of its key", () => {
    expect(check(a5, a1, b2, a3, b4).faults).toEqual({
      ...noFaults,
      inversions: [
        { partitionKey: "a", seq: 1n, afterSeq: 5n },
        { partitionKey: "a", seq: 3n, afterSeq: 5n },
      ],
    });
  });

  it("counts repetitions, and takes an early event that comes again for no inversion", () => {
    expect(check(a1, a3, a1, b2, b4, a5, a3, b2)).toEqual({ faults: noFaults, duplicates: 3 });
  });

  it("sees an inversion between repetitions", () => {
    expect(check(a1, a5, a1, b2, b4, a3)).toEqual({
      faults: { ...noFaults, inversions: [{ partitionKey: "a", seq: 3n, afterSeq: 5n }] },
      duplicates: 1,
    });
  });

  it("names a message whose headers are not its event's, also in a repetition", () => {
    const arrivals = [a1, b2, { ...a3, seq: -1n }, b4, a5, { ...b4, partitionKey: "a" }];
    expect(check(...arrivals)).toEqual({ faults: { ...noFaults, altered: ["event-3", "event-4"] }, duplicates: 1 });
  });

  it("finds an inversion exactly where two first arrivals of one key are out of order", () => {
    const keys = ["a", "b", "c"];
    const events = Array.from({ length: 12 }, (_, index) => event(keys[index % 3] ?? "", index + 1));
    const anyOrder = fc.shuffledSubarray([...events, ...events], { minLength: events.length });
    fc.assert(
      fc.property(anyOrder, (arrivals) => {
        const isSorted = keys.every((key) => {
          const firsts = [...new Set(arrivals.filter(({ partitionKey }) => partitionKey === key))].map(
            ({ seq }) => seq,
          );
          return firsts.every((seq, index) => index === 0 || seq > (firsts[index - 1] ?? 0n));
        });
        const { faults } = checkOrder(arrivals.map(arrivalOf), events);
        expect(faults.inversions.length === 0).toBe(isSorted);
      }),
    );
  });
});
