import { describe, expect, it } from "vitest";
import { renderDuration, renderTime } from "./age.js";
import { renderBuckets, renderStatistics } from "./render-statistics.js";
import { renderPairs, renderTable } from "./table.js";
import { toJson } from "./to-json.js";

describe("what is shown", () => {
  it("puts rows under their headings, without lines and trailing spaces", () => {
    expect(
      renderTable(
        ["KEY", "N"],
        [
          ["größer", "1"],
          ["日本", "22"],
        ],
      ),
    ).toBe("KEY     N\ngrößer  1\n日本    22\n");
  });

  it("shows control characters as what they are, so that no text moves the cursor", () => {
    expect(renderTable(["KEY"], [["a\u001b[2Jb\nc"]])).toBe("KEY\na\\x1b[2Jb\\x0ac\n");
    expect(renderPairs([["key", "a\rb"]])).toBe("key  a\\x0db\n");
  });

  it.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [1_000, "1 s"],
    [119_000, "1 min"],
    [7_200_000, "2 h"],
    [-172_800_000, "-2 d"],
  ])("shows %i ms as %s", (ms, text) => expect(renderDuration(ms)).toBe(text));

  it("shows times in UTC to the second", () => {
    expect(renderTime(new Date("2030-01-31T12:34:56.789Z"))).toBe("2030-01-31 12:34:56Z");
    expect(renderTime(null)).toBe("-");
  });

  it("shows buckets as ranges", () => {
    expect(renderBuckets([5, 0, 1, 2, 9, 8])).toBe("0-2, 5, 8-9");
    expect(renderBuckets([])).toBe("none");
  });

  it("says where a count has stopped, also of what is counted among events whose count has", () => {
    const statistics = {
      ...{ pending: 10, failed: 10, completed: 3, awaitingDeadLetter: 2, countLimit: 10, oldestPendingMs: null },
      ...{ blockedKeys: 1, expiredLeases: 0, owners: [], unownedBuckets: 0 },
    };
    const text = renderStatistics(statistics);
    for (const line of [/^pending +10 or more$/m, /^failed +10 or more$/m, /^completed +3$/m])
      expect(text).toMatch(line);
    expect(text).toMatch(/^blocked keys +1 or more$/m);
    expect(text).toMatch(/^expired leases +0 or more$/m);
    expect(renderStatistics({ ...statistics, pending: 9, failed: 9 })).toMatch(/^blocked keys +1$/m);
  });

  it("escapes in JSON the control characters that JSON lets pass", () => {
    const json = toJson({ key: "a\u009b2J\u007f\u001b" });
    expect(json).toBe('{"key":"a\\u009b2J\\u007f\\u001b"}');
    expect(JSON.parse(json)).toEqual({ key: "a\u009b2J\u007f\u001b" });
  });

  it("writes bigints as strings, times in ISO 8601 and bytes in base64", () => {
    const document = { seq: 9_007_199_254_740_993n, at: new Date(0), body: new Uint8Array([0, 255]), none: null };
    expect(toJson(document)).toBe(
      '{"seq":"9007199254740993","at":"1970-01-01T00:00:00.000Z","body":"AP8=","none":null}',
    );
  });
});
