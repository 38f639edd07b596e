import { describe, expect, it } from "vitest";
import { ownedBuckets } from "../buckets/owned-buckets.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import { bulkCommit } from "../processor/bulk-commit.js";
import { filtered } from "../processor/filtered.js";
import { leased } from "../processor/leased.js";
import { optimistic } from "../processor/optimistic.js";
import { exponentialRetry } from "../resilience/exponential-retry.js";
import { createMemoryBroker } from "../testing/memory-broker.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import { createOutboxRelay } from "./create-outbox-relay.js";
import { resolveRelayOptions } from "./relay-options.js";

const needed = { repository: createMemoryOutboxRepository(), publisher: createMemoryBroker().publisher() };

function problemsOf(changes: Record<string, unknown>): unknown {
  try {
    createOutboxRelay({ ...needed, ...changes } as never);
  } catch (error) {
    if (isOmniBoxError(error, "CONFIG.INVALID_OPTIONS")) return error.meta.problems;
    throw error;
  }
  return [];
}

describe("the relay's options", () => {
  it("all have a good default but for repository and publisher", () => {
    expect(resolveRelayOptions(needed)).toMatchObject({
      batchSize: 1_000,
      batchesInFlight: 2,
      publishTimeoutMs: 10_000,
      pollMinMs: 10,
      pollMaxMs: 1_000,
      stopTimeoutMs: 15_000,
      stallAfterMs: 60_000,
      steps: [],
      fetch: { name: "ownedBuckets", leaseMs: 30_000 },
      converter: { name: "raw" },
    });
    expect(problemsOf({ repository: undefined, publisher: {} })).toEqual([
      expect.stringMatching(/^repository: expected an outbox repository/),
      expect.stringMatching(/^publisher: expected an event publisher/),
    ]);
  });

  it.each([
    ["batchSize", 0, 1, 10_000, 10_001],
    ["batchesInFlight", 0, 1, 10, 11],
    ["publishTimeoutMs", 0, 1, 15_000, undefined],
    ["stopTimeoutMs", -1, 0, 2_147_483_647, 2_147_483_648],
  ])(
    "keep %s within its bounds, both included, with the actual value in the message",
    (name, below, least, most, above) => {
      expect(problemsOf({ [name]: least })).toEqual([]);
      expect(problemsOf({ [name]: most })).toEqual([]);
      expect(problemsOf({ [name]: below })).toEqual([expect.stringMatching(new RegExp(`^${name}: .*it is ${below}$`))]);
      if (above !== undefined) {
        expect(problemsOf({ [name]: above })).toEqual([
          expect.stringMatching(new RegExp(`^${name}: .*it is ${above}$`)),
        ]);
      }
      expect(problemsOf({ [name]: 1.5 })).toEqual([expect.stringMatching(new RegExp(`^${name}: `))]);
    },
  );

  it("keep the publish time-out within half of the lease, and say why", () => {
    const message =
      "publishTimeoutMs (2501) must be at most half of the lease of leased (5000 ms): " +
      "what is left of the lease when a message is written must outlast its time-out";
    expect(problemsOf({ publishTimeoutMs: 2_501, fetch: leased({ leaseMs: 5_000 }) })).toEqual([message]);
    expect(problemsOf({ publishTimeoutMs: 2_500, fetch: leased({ leaseMs: 5_000 }) })).toEqual([]);
    const narrowed = filtered(leased({ leaseMs: 5_000 }), { topics: ["a"] });
    expect(problemsOf({ publishTimeoutMs: 2_501, fetch: narrowed })).toHaveLength(1);
    expect(problemsOf({ publishTimeoutMs: 15_001 })).toHaveLength(1);
  });

  it("keep the shortest poll pause below the longest, and both from zero on", () => {
    expect(problemsOf({ pollMinMs: 2_000 })).toEqual(["pollMinMs (2000) must not be more than pollMaxMs (1000)"]);
    expect(problemsOf({ pollMinMs: 1_000 })).toEqual([]);
    expect(problemsOf({ pollMinMs: 0, pollMaxMs: 0 })).toHaveLength(2);
  });

  it("keep the watchdog from barking at a loop that only sleeps or publishes", () => {
    expect(problemsOf({ pollMaxMs: 60_000 })).toEqual([
      "stallAfterMs (60000) must be more than pollMaxMs (60000): a relay that only waits is not stuck",
    ]);
    expect(problemsOf({ stallAfterMs: 10_000 })).toEqual([
      expect.stringContaining("more than publishTimeoutMs (10000)"),
      expect.stringContaining("more than the longest pause of an outage (10000)"),
    ]);
    expect(problemsOf({ stallAfterMs: 10_001 })).toEqual([]);
    expect(problemsOf({ stallAfterMs: 15_000, publishTimeoutMs: 15_000 })).toHaveLength(1);
  });

  it("are refused all at once, unknown ones and impossible combinations among them", () => {
    expect(
      problemsOf({
        publishTimeoutMs: 30_000,
        pollMinMs: 2_000,
        workerId: "x".repeat(256),
        steps: ["step"],
        logger: console.log,
        metrics: {},
        clock: {},
        retry: 3,
        converter: "raw",
        commit: {},
        fetch: undefined,
        colour: "red",
      }),
    ).toEqual([
      expect.stringMatching(/^commit: /),
      expect.stringMatching(/^steps\.0: /),
      expect.stringMatching(/^converter: /),
      expect.stringMatching(/^retry: /),
      expect.stringMatching(/^workerId: .*it has 256$/),
      expect.stringMatching(/^logger: /),
      expect.stringMatching(/^metrics: /),
      expect.stringMatching(/^clock: /),
      'unknown option "colour"',
      expect.stringMatching(/^publishTimeoutMs \(30000\) must be at most half of the lease/),
      expect.stringMatching(/^pollMinMs \(2000\) must not be more than pollMaxMs/),
    ]);
  });

  it.each<[string, Record<string, unknown>, string]>([
    ["fetch", { fetch: ownedBuckets }, "ownedBuckets()"],
    ["fetch", { fetch: leased }, "leased()"],
    ["fetch", { fetch: optimistic }, "optimistic()"],
    ["fetch", { fetch: filtered }, "filtered()"],
    ["commit", { commit: bulkCommit }, "bulkCommit()"],
    ["retry", { retry: exponentialRetry }, "exponentialRetry()"],
  ])("say that %s is a factory that was not called", (name, options, call) => {
    const [problem, ...others] = problemsOf(options) as string[];
    expect(problem).toMatch(new RegExp(`^${name}: expected a .* \\(an object with \\w+\\), got a function`));
    expect(problem?.endsWith(`: if it makes one, call it: ${call}`)).toBe(true);
    expect(others).toEqual([]);
  });

  it("do not judge combinations of what is wrong by itself", () => {
    expect(problemsOf({ publishTimeoutMs: "long", fetch: {}, pollMinMs: Number.NaN })).toHaveLength(3);
  });

  it("name what a strategy needs and the repository cannot do", () => {
    const { capabilities, ...rest } = needed.repository;
    const repository = { ...rest, capabilities: { ...capabilities, ownedBuckets: false, leasedClaim: false } };
    expect(() => createOutboxRelay({ ...needed, repository })).toThrow(
      /^CONFIG\.UNSUPPORTED_CAPABILITY: .*leased needs "leasedClaim"/,
    );
  });
});
