import { expect } from "vitest";

/** Compares what is printed with what a page says, which was printed on another day by another database. */
export interface Likeness {
  /** The id that stands for an id of the page, once it was printed; what is none comes back. */
  realId(word: string): string;
  expectAlike(actual: string, documented: string, databaseName: string): void;
  /** What a page shows of an output. */
  toDocument(actual: string, databaseName: string, isJson: boolean): string;
}

const uuid = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g;
const shownName = "localhost:5432/shop";

export function createLikeness(): Likeness {
  const realIds = new Map<string, string>();
  const shownIds = new Map<string, string>();

  return {
    realId: (word) => realIds.get(word) ?? word,
    expectAlike(actual, documented, databaseName) {
      const real = actual.match(uuid) ?? [];
      for (const [index, shown] of (documented.match(uuid) ?? []).entries()) {
        const id = real[index];
        // The same id of the page is always the same event.
        if (id !== undefined && !realIds.has(shown)) realIds.set(shown, id);
      }
      const expected = documented.replaceAll(uuid, (shown) => realIds.get(shown) ?? shown);
      const named = actual.replaceAll(databaseName, shownName);
      const [one, other] = actual.startsWith("{") ? [compact(named), compact(expected)] : [named, expected];
      expect(withoutChance(one)).toBe(withoutChance(other));
    },
    toDocument(actual, databaseName, isJson) {
      const text = actual.replaceAll(databaseName, shownName).replaceAll(uuid, shownId);
      if (!isJson) return text;
      // A list of numbers, such as buckets, would take a line for each.
      const numbers = /\[\s+(\d+(?:,\s+\d+)*)\s+\]/g;
      return JSON.stringify(JSON.parse(text), null, 2).replaceAll(numbers, (list) => list.replaceAll(/\s+/g, " "));
    },
  };

  /** Ids that are easy to tell apart, in the order in which they come up. */
  function shownId(real: string): string {
    if (/-00000000ffff$/.test(real)) return real;
    const known = shownIds.get(real);
    if (known !== undefined) return known;
    const shown = `0193805c-0000-7000-8000-${(shownIds.size + 1).toString(16).padStart(12, "0")}`;
    shownIds.set(real, shown);
    realIds.set(shown, real);
    return shown;
  }
}

function compact(json: string): string {
  return JSON.stringify(JSON.parse(json));
}

/** Takes out what differs from run to run, and nothing else. */
function withoutChance(text: string): string {
  return text
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "<instant>")
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/g, "<time>")
    .replaceAll(/\b\d{14}_/g, "<timestamp>_")
    .replaceAll(/"(oldestPendingMs|leaseRemainingMs)":\d+/g, '"$1":"<ms>"')
    .replaceAll(/\b\d+ (?:ms|s|min|h|d)\b/g, "<duration>");
}
