import { createHash } from "node:crypto";

/** Random choices that are the same for the same seed, on every machine. */
export interface SeededRandom {
  /** Evenly spread from 0 to 1. */
  next(): number;
  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number;
  oneOf<Item>(items: readonly Item[]): Item;
}

export function createSeededRandom(seed: number): SeededRandom {
  let drawn = 0;
  const next = () => {
    drawn += 1;
    return createHash("sha256").update(`${seed}/${drawn}`).digest().readUInt32BE() / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return { next, below, oneOf: <Item>(items: readonly Item[]) => items[below(items.length)] as Item };
}
