import { describe, expect, it } from "vitest";
import { createParkedKeys } from "./parked-keys.js";

function setUp() {
  let nowMs = 0;
  const parked = createParkedKeys(() => nowMs);
  const key = (headSeq: bigint, partitionKey = "k", bucket = 1) => ({ partitionKey, bucket, headSeq });
  return {
    parked,
    key,
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

const keysOf = (keys: readonly { readonly partitionKey: string }[]) => keys.map(({ partitionKey }) => partitionKey);

describe("a parked key", () => {
  it("holds its head and all later events back, not earlier ones and not other keys", () => {
    const { parked, key } = setUp();
    parked.park(key(5n), true);
    expect([4n, 5n, 6n].map((seq) => parked.holdsBack("k", seq))).toEqual([false, true, true]);
    expect(parked.holdsBack("other", 6n)).toBe(false);
  });

  it("is not looked at before its head's outcome is acknowledged", () => {
    const { parked, key } = setUp();
    parked.park(key(5n), false);
    expect(parked.toCheck(10)).toEqual([]);
    parked.recorded(key(5n), { hasFailed: false, delayMs: 0 });
    expect(keysOf(parked.toCheck(10))).toEqual(["k"]);
  });

  it("keeps its earliest head; the acknowledgement of a later event's outcome says nothing of it", () => {
    const { parked, key } = setUp();
    parked.park(key(5n), false);
    parked.park(key(3n), false);
    parked.park(key(7n), true);
    parked.recorded(key(5n), { hasFailed: false, delayMs: 0 });
    expect(parked.holdsBack("k", 3n)).toBe(true);
    expect(parked.toCheck(10)).toEqual([]);
  });

  it.each(["due", "gone"])("goes on when its head is %s", (what) => {
    const { parked, key } = setUp();
    parked.park(key(5n), true);
    const asked = parked.toCheck(10);
    const free = parked.checked(asked, what === "due" ? [{ seq: 5n, state: "due" }] : [], false);
    expect(keysOf(free)).toEqual(["k"]);
    expect(parked.holdsBack("k", 5n)).toBe(false);
  });

  it("stays while its head backs off, and is asked about less and less often, at least once a second", () => {
    const { parked, key, pass } = setUp();
    parked.park(key(5n), true);
    let asked = 0;
    for (let ms = 0; ms < 10_000; ms += 1) {
      const due = parked.toCheck(10);
      if (due.length > 0) {
        asked += 1;
        expect(parked.checked(due, [{ seq: 5n, state: "backingOff" }], false)).toEqual([]);
      }
      pass(1);
    }
    expect(asked).toBeGreaterThanOrEqual(10);
    expect(asked).toBeLessThan(20);
  });

  it("stays behind a failed head, unless it is to skip", () => {
    const { parked, key } = setUp();
    parked.park(key(5n), true);
    const asked = parked.toCheck(10);
    expect(parked.checked(asked, [{ seq: 5n, state: "failed" }], false)).toEqual([]);
    expect(keysOf(parked.checked(asked, [{ seq: 5n, state: "failed" }], true))).toEqual(["k"]);
  });

  it("is not freed by an answer about the head that it had when it was asked about", () => {
    const { parked, key } = setUp();
    parked.park(key(5n), true);
    const asked = parked.toCheck(10).map((park) => ({ ...park }));
    parked.park(key(3n), false);
    expect(parked.checked(asked, [], false)).toEqual([]);
    expect(parked.holdsBack("k", 3n)).toBe(true);
  });
});

describe("parked keys", () => {
  it("are looked at in turn, so that no key keeps the others from being tried", () => {
    const { parked, key, pass } = setUp();
    for (const name of ["a", "b", "c"]) parked.park(key(1n, name), true);
    const tried = Array.from({ length: 3 }, () => {
      pass(1);
      const [next] = parked.toCheck(1);
      if (next === undefined) return "";
      parked.checked([next], [], false);
      parked.park({ ...next }, true);
      return next.partitionKey;
    });
    expect(tried).toEqual(["a", "b", "c"]);
  });

  it("are named to a read once they made one come in vain, those first that did so most", () => {
    const { parked, key } = setUp();
    for (const name of ["a", "b", "c"]) parked.park(key(1n, name), true);
    expect(parked.keys(10)).toEqual([]);
    for (const name of ["a", "c", "c", "b", "c", "b"]) parked.readInVain(name);
    expect(parked.keys(2)).toEqual(["c", "b"]);
    parked.checked(parked.toCheck(10), [], false);
    expect(parked.keys(10)).toEqual([]);
  });

  it("are forgotten with their bucket", () => {
    const { parked, key } = setUp();
    parked.park(key(1n, "a", 1), true);
    parked.park(key(1n, "b", 2), true);
    parked.forget(1);
    expect([parked.holdsBack("a", 1n), parked.holdsBack("b", 1n), parked.size]).toEqual([false, true, 1]);
  });
});
