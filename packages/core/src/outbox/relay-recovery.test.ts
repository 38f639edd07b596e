import { describe, expect, it } from "vitest";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { bulkCommit } from "../processor/bulk-commit.js";

type Repository = ReturnType<typeof createRelayFixture>["repository"];

/** Lets each call of the operation fail until the returned function is called. */
function failing(repository: Repository, operation: "recordCompleted" | "claim"): () => void {
  let isFailing = true;
  const failNext = () =>
    repository.onNext(operation, async (carryOut) => {
      if (!isFailing) return carryOut();
      failNext();
      throw new OmniBoxError("STORE.TIMEOUT", "a row is locked");
    });
  failNext();
  return () => {
    isFailing = false;
  };
}

describe("confirmed events whose outcome cannot be recorded for longer than their lease", () => {
  it("are not published again by the same relay, are recorded in the end, and are said once", async () => {
    const { relay, repository, clock, delivered, logger, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(20));
    const heal = failing(repository, "recordCompleted");
    await relay.start();
    await clock.advance(120_000);
    expect(delivered()).toHaveLength(20);
    expect(relay.health().status).toBe("degraded");
    heal();
    await settle(relay.drain());
    await clock.advance(60_000);
    expect(delivered()).toHaveLength(20);
    expect(repository.all().every(({ status }) => status === "completed")).toBe(true);
    expect(logger.alarms).toEqual([
      expect.stringMatching(/^the database does not answer/),
      "the database answers again",
    ]);
    await relay.stop();
  });
});

describe("a step that throws while the broker is away", () => {
  it("does not end the outage: the broker was not asked", async () => {
    const { relay, repository, broker, clock, logger } = createRelayFixture({
      steps: [
        (event, _context, next) => {
          if (Number(event.aggregateId.replace(/\D/g, "")) % 2 === 0) throw new Error("no tenant");
          return next();
        },
      ],
    });
    await storeEvents(repository, sampleDrafts(40));
    broker.disconnect();
    await relay.start();
    await clock.advance(600_000);
    expect(logger.alarms.filter((message) => message.includes("answers again"))).toEqual([]);
    expect(logger.alarms.filter((message) => message.startsWith("the broker does not answer"))).toHaveLength(1);
    await relay.stop();
  });
});

describe("claims that take so long that no lease is left to publish under", () => {
  it("are made slower and slower, and turn the health", async () => {
    const { relay, repository, clock } = createRelayFixture({ publishTimeoutMs: 15_000 });
    await storeEvents(repository, sampleDrafts(40));
    // The wall clock jumps while the answer is under way, as after a suspended machine.
    const slowNext = () =>
      repository.onNext("claim", async (carryOut) => {
        slowNext();
        const claimed = await carryOut();
        clock.stepWallClock(16_000);
        return claimed;
      });
    slowNext();
    await relay.start();
    await clock.advance(10_000);
    expect(relay.metrics()).toMatchObject({ published: 0, pollErrors: 0 });
    expect(relay.health()).toMatchObject({
      status: "degraded",
      reasons: [expect.stringContaining("claims take so long")],
    });
    expect(relay.metrics().batches).toBeLessThan(30);
    await relay.stop();
  });
});

describe("a commit strategy that breaks its contract and rejects", () => {
  it("ends neither the process nor the relay; its events come back with their leases", async () => {
    let isBroken = true;
    const { relay, repository, clock, logger, settle } = createRelayFixture({
      commit: {
        name: "mine",
        requires: [],
        commit: (...given) => (isBroken ? Promise.reject(new Error("mine is broken")) : bulkCommit().commit(...given)),
      },
    });
    await storeEvents(repository, sampleDrafts(3));
    await relay.start();
    await clock.advance(1_000);
    expect(logger.alarms).toEqual(["mine must not reject; the outcomes are not recorded"]);
    isBroken = false;
    await clock.advance(31_000);
    await settle(relay.drain());
    expect(repository.all().every(({ status }) => status === "completed")).toBe(true);
    await relay.stop();
  });
});

describe("a loop that ends by itself", () => {
  it("is said, and makes the health bad", async () => {
    let isBroken = false;
    const broken = createRelayFixture({
      publisher: {
        capabilities: { reportsUnroutable: true },
        start: async () => undefined,
        stop: async () => undefined,
        publish: () => Promise.reject(new OmniBoxError("BROKER.UNREACHABLE", "gone")),
        health() {
          if (isBroken) throw new Error("no health");
          return { status: "healthy", reasons: [], unconfirmed: 0 };
        },
      },
    });
    await storeEvents(broken.repository, sampleDrafts(1));
    isBroken = true;
    await broken.relay.start();
    await broken.clock.advance(1_000);
    isBroken = false;
    expect(broken.relay.health()).toMatchObject({
      status: "unhealthy",
      reasons: [expect.stringMatching(/^the relay's loop has ended by itself: no health/)],
    });
    expect(await broken.relay.stop()).toMatchObject({ clean: true });
  });
});

describe("stopping while the store never answers", () => {
  it("ends a little after its time-out and says how many events it left", async () => {
    const { relay, repository, clock } = createRelayFixture({ stopTimeoutMs: 1_000 });
    await storeEvents(repository, sampleDrafts(7));
    repository.onNext("recordCompleted", () => new Promise(() => undefined));
    await relay.start();
    await clock.advance(100);
    const stopping = relay.stop();
    await clock.advance(1_000 + 5_000);
    expect(await stopping).toEqual({ clean: false, abandoned: 7 });
  });
});
