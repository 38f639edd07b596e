import { describe, expect, it } from "vitest";
import { createInboxFixture, type InboxFixtureOptions } from "../../test/inbox-fixture.js";

function problemsOf(options: InboxFixtureOptions): readonly string[] {
  try {
    createInboxFixture(options);
  } catch (error) {
    expect(error).toMatchObject({ code: "CONFIG.INVALID_OPTIONS" });
    return (error as { readonly meta: { readonly problems: readonly string[] } }).meta.problems;
  }
  return [];
}

describe("the options of an inbox consumer", () => {
  it.each<[string, InboxFixtureOptions, RegExp]>([
    ["commitPolicy without atLeastOnce", { commitPolicy: "onPersist" }, /^commitPolicy says when atLeastOnce/],
    ["a stored atMostOnce", { ack: "atMostOnce", mode: "storeThenProcess" }, /^mode "storeThenProcess" stores every/],
    [
      "a stored onSuccess",
      { ack: "atLeastOnce", commitPolicy: "onSuccess", mode: "storeThenProcess" },
      /^mode "storeThenProcess" acknowledges what is stored/,
    ],
    ["batches of atMostOnce", { ack: "atMostOnce", batchSize: 2 }, /^batchSize \(2\) must be 1 with ack "atMostOnce"/],
    [
      "batches of onSuccess",
      { ack: "atLeastOnce", commitPolicy: "onSuccess", batchSize: 5 },
      /^batchSize \(5\) must be 1 with commitPolicy "onSuccess"/,
    ],
    ["order of atMostOnce", { ack: "atMostOnce", ordering: "perKey" }, /^ordering "perKey" needs rows/],
    [
      "order of onSuccess",
      { ack: "atLeastOnce", commitPolicy: "onSuccess", ordering: "perKey" },
      /^ordering "perKey" needs rows, which commitPolicy "onSuccess" does not have/,
    ],
  ])("refuse %s", (_name, options, problem) => {
    expect(problemsOf(options)).toEqual([expect.stringMatching(problem)]);
  });

  it("are refused with all problems at once", () => {
    const problems = problemsOf({
      ack: "atMostOnce",
      commitPolicy: "onSuccess",
      mode: "storeThenProcess",
      batchSize: 0,
      concurrency: 1_001,
      consumerGroup: "",
    });
    expect(problems).toHaveLength(5);
  });

  it("may be combined otherwise", () => {
    const valid: readonly InboxFixtureOptions[] = [
      { ack: "atLeastOnce", mode: "storeThenProcess", commitPolicy: "onPersist", ordering: "perKey", batchSize: 50 },
      { ack: "effectivelyOnce", mode: "storeThenProcess" },
      { ack: "effectivelyOnce", ordering: "perKey", batchSize: 50 },
      { ack: "atMostOnce", batchSize: 1 },
    ];
    expect(valid.flatMap(problemsOf)).toEqual([]);
  });

  it("earn a warning when more is to be done at once than can be in hand", () => {
    const { logger, consumerWith } = createInboxFixture({ broker: { prefetch: 20 } });
    expect(logger.alarms).toEqual([]);
    consumerWith({ concurrency: 21 });
    consumerWith({ batchSize: 21 });
    consumerWith({ batchSize: 21, mode: "storeThenProcess" });
    expect(logger.alarms).toEqual(new Array(2).fill(expect.stringContaining("prefetch is smaller")));
  });
});
