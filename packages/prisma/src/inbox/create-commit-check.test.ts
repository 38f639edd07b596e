import { describe, expect, it, vi } from "vitest";
import { createCommitCheck } from "./create-commit-check.js";

/** A check over a table that holds these rows; `asked` gets the rows of each statement. */
function checkOver(rows: readonly string[], options = { waitMs: 5, maxRows: 50 }) {
  const asked: string[][] = [];
  const check = createCommitCheck(async (ids) => {
    asked.push([...ids]);
    return new Set(rows.filter((row) => ids.includes(row)));
  }, options);
  return { asked, check };
}

describe("the look whether a transaction has committed", () => {
  it("says of each row whether it is there", async () => {
    const { check } = checkOver(["1", "3"]);
    expect(await Promise.all(["1", "2", "3"].map((id) => check.isThere(id)))).toEqual([true, false, true]);
  });

  it("is taken at once by a transaction that is alone", async () => {
    vi.useFakeTimers();
    try {
      const { check } = checkOver(["1"]);
      check.begin()();
      expect(await check.isThere("1")).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });

  it("is shared by those that end while others are open, and is taken when the last one has ended", async () => {
    const { asked, check } = checkOver(["1", "2", "3"], { waitMs: 60_000, maxRows: 50 });
    const ends = [check.begin(), check.begin(), check.begin()];
    const answers = ends.map((end, index) => {
      end();
      return check.isThere(String(index + 1));
    });
    expect(await Promise.all(answers)).toEqual([true, true, true]);
    expect(asked.length).toBeLessThan(3);
  });

  it("does not wait for a transaction that stays open longer than waitMs", async () => {
    const { asked, check } = checkOver(["1"], { waitMs: 1, maxRows: 50 });
    check.begin();
    expect(await check.isThere("1")).toBe(true);
    expect(asked).toEqual([["1"]]);
  });

  it("is taken when enough rows are waiting, however many transactions are open", async () => {
    const { asked, check } = checkOver(["1", "2"], { waitMs: 60_000, maxRows: 2 });
    check.begin();
    expect(await Promise.all([check.isThere("1"), check.isThere("2")])).toEqual([true, true]);
    expect(asked).toEqual([["1", "2"]]);
  });

  it("that fails fails for all who share it, and the next one is asked anew", async () => {
    let failures = 1;
    const check = createCommitCheck(
      async (ids) => {
        if (failures-- > 0) throw new Error("no answer");
        return new Set(ids);
      },
      { waitMs: 60_000, maxRows: 2 },
    );
    check.begin();
    const answers = await Promise.allSettled([check.isThere("1"), check.isThere("2")]);
    expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await Promise.all([check.isThere("3"), check.isThere("4")])).toEqual([true, true]);
  });
});
