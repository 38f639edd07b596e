/** Keys that were added within a time, at most so many. */
export interface RecentKeys {
  add(key: string, nowMs: number): void;
  has(key: string, nowMs: number): boolean;
}

/** Creates an empty set that forgets keys after `windowMs`, and the oldest ones when there are more than `maxKeys`. */
export function createRecentKeys(windowMs: number, maxKeys: number): RecentKeys {
  // In the order in which they were added, so that the first are the oldest.
  const addedAt = new Map<string, number>();
  const isOver = (at: number, nowMs: number) => nowMs - at >= windowMs;

  return Object.freeze({
    add(key: string, nowMs: number) {
      addedAt.delete(key);
      addedAt.set(key, nowMs);
      for (const [oldest, at] of addedAt) {
        if (addedAt.size <= maxKeys && !isOver(at, nowMs)) break;
        addedAt.delete(oldest);
      }
    },
    has(key: string, nowMs: number) {
      const at = addedAt.get(key);
      return at !== undefined && !isOver(at, nowMs);
    },
  });
}
