import { describe, expect, it } from "vitest";
import { inboxRow } from "../../test/inbox-processor-fixture.js";
import { systemClock } from "../protocols/clock.js";
import type { FetchFilters } from "../protocols/event-repository.js";
import { silentLogger } from "../protocols/logger.js";
import { createMemoryInboxRepository } from "../testing/memory-inbox-repository.js";
import type { FetchStrategy } from "./fetch-strategy.js";
import { filtered } from "./filtered.js";
import { leased } from "./leased.js";
import { optimistic } from "./optimistic.js";

describe("filtered", () => {
  it.each([undefined, null, "leased", leased, {}])("refuses %j in place of a strategy", (strategy) => {
    expect(() => filtered(strategy as never, { topics: ["a"] })).toThrow(
      "CONFIG.INVALID_OPTIONS: filtered: 1 problem: strategy: expected a fetch strategy, as leased() and optimistic() make them",
    );
  });

  it("says of a strategy's factory that it was not called", () => {
    expect(() => filtered(leased as never, { topics: ["a"] })).toThrow(
      /, got a function: if it makes one, call it: leased\(\)$/,
    );
  });

  it("reports a wrong strategy and wrong filters at once", () => {
    expect(() => filtered(undefined as never, { topics: [] })).toThrow(
      /^CONFIG\.INVALID_OPTIONS: filtered: 2 problems: topics: .*; strategy: /,
    );
  });

  it("keeps the filters that it checked, whatever becomes of the object", async () => {
    const topics = ["a"];
    const seen: unknown[] = [];
    const inner = { ...leased(), open: () => ({ fetch: async (request: object) => seen.push(request) }) };
    const strategy = filtered(inner as never, { topics });
    topics.push("b");
    await strategy.open({} as never, {} as never).fetch({} as never);
    expect(seen).toEqual([{ filters: { topics: ["a"] } }]);
  });

  it("narrows an inbox to one consumer group and some sources, and matches nothing when two groups are asked for", async () => {
    const inbox = createMemoryInboxRepository();
    await inbox.store([
      inboxRow("a"),
      inboxRow("b", { consumerGroup: "billing" }),
      inboxRow("c", { source: "other.queue" }),
    ]);
    const fetched = async (strategy: FetchStrategy, filters?: FetchFilters) => {
      const session = strategy.open(inbox, { workerId: "w", clock: systemClock, logger: silentLogger });
      const { events, fence } = await session.fetch({ limit: 10, filters });
      await inbox.recordPending(
        fence,
        events.map(({ id, seq }) => ({ id, seq, attemptsMade: 0, startedAttempts: 0, delayMs: null, error: null })),
      );
      return events.map(({ messageId }) => messageId);
    };
    const shipping = filtered(leased(), { consumerGroup: "shipping" });
    expect(await fetched(shipping)).toEqual(["a", "c"]);
    expect(await fetched(filtered(shipping, { sources: ["shipping.orders"] }))).toEqual(["a"]);
    expect(await fetched(shipping, { consumerGroup: "shipping" })).toEqual(["a", "c"]);
    expect(await fetched(shipping, { consumerGroup: "billing" })).toEqual([]);
    expect(await fetched(leased(), { consumerGroup: "billing" })).toEqual(["b"]);
  });

  it("keeps the heartbeat of what it narrows", () => {
    expect(filtered(leased({ heartbeat: true }), { topics: ["a"] }).heartbeat).toBe(true);
    expect(filtered(optimistic(), { topics: ["a"] }).heartbeat).toBe(false);
  });
});
