/** What comes due at a time each, the earliest first. A binary heap: to add and to take cost the logarithm of how many there are. */
export interface DueQueue<Item> {
  add(item: Item, atMs: number): void;
  /** Takes the earliest out if it is due, of equal ones the first that was added; else `undefined`. */
  takeDue(nowMs: number): Item | undefined;
}

interface Entry<Item> {
  readonly item: Item;
  readonly atMs: number;
  readonly turn: number;
}

export function createDueQueue<Item>(): DueQueue<Item> {
  const heap: Entry<Item>[] = [];
  let turns = 0;

  /** Puts an entry where no child comes before it, from `index` downwards. */
  function sink(entry: Entry<Item>): void {
    let index = 0;
    for (;;) {
      const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]];
      if (left === undefined) break;
      const isRight = right !== undefined && isBefore(right, left);
      const child = isRight ? right : left;
      if (!isBefore(child, entry)) break;
      heap[index] = child;
      index = 2 * index + (isRight ? 2 : 1);
    }
    heap[index] = entry;
  }

  return {
    add(item, atMs) {
      const entry = { item, atMs, turn: turns };
      turns += 1;
      let index = heap.length;
      while (index > 0) {
        const above = (index - 1) >> 1;
        const parent = heap[above];
        if (parent === undefined || !isBefore(entry, parent)) break;
        heap[index] = parent;
        index = above;
      }
      heap[index] = entry;
    },
    takeDue(nowMs) {
      const first = heap[0];
      if (first === undefined || first.atMs > nowMs) return undefined;
      const last = heap.pop();
      if (last !== undefined && heap.length > 0) sink(last);
      return first.item;
    },
  };
}

function isBefore(a: Entry<unknown>, b: Entry<unknown>): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.turn < b.turn);
}
