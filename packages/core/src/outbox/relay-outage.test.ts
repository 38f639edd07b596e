import { describe, expect, it } from "vitest";
import { publisherWith } from "../../test/publisher-with.js";
import { aggregateIdOf, createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { FetchStrategy } from "../processor/fetch-strategy.js";
import { leased } from "../processor/leased.js";
import type { EventPublisher } from "../protocols/event-publisher.js";
import { createMemoryBroker } from "../testing/memory-broker.js";

const brokerGone = /^the broker does not answer, trying on: /;
const databaseGone = /^the database does not answer, trying on: /;
const unreachable = new OmniBoxError("STORE.UNREACHABLE", "no connection");

describe("while the broker cannot be reached", () => {
  it("no attempt is spent, whatever the length of the outage, and nothing is lost", async () => {
    const { relay, broker, repository, clock, delivered, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(50, { maxAttempts: 1 }));
    broker.disconnect();
    await relay.start();
    await clock.advance(3_600_000);
    expect(repository.all().map(({ status, attemptsMade }) => [status, attemptsMade])).toEqual(
      new Array(50).fill(["pending", 0]),
    );
    broker.reconnect();
    await settle(relay.drain());
    await clock.advance(defaults.outageMaxMs);
    expect([...delivered()].sort()).toEqual(
      sampleDrafts(50)
        .map(({ aggregateId }) => aggregateId)
        .sort(),
    );
    expect(repository.all().every(({ status, lastError }) => status === "completed" && lastError === null)).toBe(true);
    await relay.stop();
  });

  it("one event at a time is tried, with growing pauses, never faster than a tenth of the first one", async () => {
    const { relay, broker, repository, clock, watchClaims } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(50));
    broker.disconnect();
    const claims = watchClaims();
    await relay.start();
    await clock.advance(600_000);
    const probes = claims.slice(1);
    expect(new Set(probes.map(({ limit }) => limit))).toEqual(new Set([1]));
    const gaps = probes.slice(1).map(({ atMs }, index) => atMs - (probes[index]?.atMs ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(defaults.outageBaseMs / 10);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(defaults.outageMaxMs);
    // Once the pauses have grown: from a tenth of the longest to the longest.
    expect(Math.min(...gaps.slice(10))).toBeGreaterThanOrEqual(defaults.outageMaxMs / 10);
    await relay.stop();
  });

  it("a try that came upon nothing, but has not looked through everything yet, is no sign that it is back", async () => {
    const limits: number[] = [];
    const strategy = leased();
    const fetch: FetchStrategy = {
      ...strategy,
      open(repository, worker) {
        const session = strategy.open(repository, worker);
        return {
          ...session,
          async fetch(request) {
            limits.push(request.limit);
            const batch = await session.fetch(request);
            return request.limit === 1 ? { ...batch, events: [], hasMore: true } : batch;
          },
        };
      },
    };
    const { publisher } = publisherWith({
      publish: () => Promise.reject(new OmniBoxError("BROKER.UNREACHABLE", "gone")),
      health: () => ({ status: "healthy", reasons: [], unconfirmed: 0 }),
    });
    const { relay, repository, clock } = createRelayFixture({ publisher, fetch });
    await storeEvents(repository, sampleDrafts(4));
    await relay.start();
    await clock.advance(600_000);
    expect(limits.length).toBeGreaterThan(50);
    expect(limits.filter((limit) => limit > 1).length).toBeLessThanOrEqual(defaults.batchesInFlight);
    await relay.stop();
  });

  it("no try is made beside a batch that is still in work", async () => {
    let finish: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { publisher } = publisherWith({
      publish: ({ headers }) =>
        headers["omni-aggregate-id"] === "order-1"
          ? Promise.reject(new OmniBoxError("BROKER.UNREACHABLE", "gone"))
          : held,
      health: () => ({ status: "healthy", reasons: [], unconfirmed: 0 }),
    });
    const { relay, repository, clock, watchClaims } = createRelayFixture({ publisher, batchSize: 1 });
    await storeEvents(repository, sampleDrafts(4));
    // The second batch is claimed while the first one, of the event that cannot be sent, is in work.
    const claims = watchClaims();
    await relay.start();
    await clock.advance(20_000);
    const before = claims.length;
    expect(repository.all().some(({ lease }) => lease !== null)).toBe(true);
    finish();
    await clock.advance(defaults.outageMaxMs);
    expect(claims.length).toBeGreaterThan(before);
    expect(before).toBe(2);
    await relay.stop();
  });

  it("is said once when it begins and once when it ends", async () => {
    const { relay, broker, repository, clock, logger, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(50));
    await relay.start();
    await clock.advance(100);
    for (let outage = 0; outage < 2; outage += 1) {
      broker.disconnect();
      await storeEvents(repository, sampleDrafts(50));
      await clock.advance(300_000);
      broker.reconnect();
      await settle(relay.drain());
      await clock.advance(defaults.outageMaxMs);
    }
    const began = expect.stringMatching(brokerGone);
    expect(logger.alarms).toEqual([began, "the broker answers again", began, "the broker answers again"]);
    await relay.stop();
  });

  it("an outage that nobody has noticed for want of events ends without one", async () => {
    const { relay, broker, repository, clock, delivered, logger, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(1));
    broker.disconnect();
    await relay.start();
    await clock.advance(1_000);
    const [event] = repository.all();
    await repository.lock(event?.id ?? "", { token: "elsewhere", workerId: "x", leaseMs: 1_000 });
    await repository.recordCompleted({ kind: "lease", token: "elsewhere" }, [{ id: event?.id ?? "", seq: 1n }]);
    await clock.advance(60_000);
    expect(relay.health().status).toBe("degraded");
    expect(logger.alarms).not.toContain("the broker answers again");
    broker.reconnect();
    await clock.advance(defaults.outageMaxMs);
    expect(logger.alarms.at(-1)).toBe("the broker answers again");
    expect(relay.health()).toEqual({ status: "healthy", state: "running", reasons: [] });
    await storeEvents(repository, [sampleDraft({ aggregateId: "next" })]);
    await settle(relay.drain());
    expect(delivered()).toEqual(["next"]);
    await relay.stop();
  });

  it("its return is noticed soon, however long the pause between two tries has become", async () => {
    const { relay, broker, repository, clock, delivered, until } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(50));
    broker.disconnect();
    await relay.start();
    await clock.advance(600_000);
    broker.reconnect();
    const before = clock.monotonicMs();
    await until(() => delivered().length >= 49);
    expect(clock.monotonicMs() - before).toBeLessThanOrEqual(defaults.pollMaxMs + 50);
    await relay.stop();
  });

  it("what was on its way when the connection broke is published again, and nothing is lost", async () => {
    const { relay, broker, repository, clock, delivered, breathe, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(5));
    broker.holdConfirms();
    await relay.start();
    await breathe();
    broker.disconnect();
    await clock.advance(1_000);
    expect(repository.all().map(({ status, attemptsMade }) => [status, attemptsMade])).toEqual(
      new Array(5).fill(["pending", 0]),
    );
    broker.releaseConfirms();
    broker.reconnect();
    await settle(relay.drain());
    await clock.advance(defaults.outageMaxMs);
    expect(new Set(delivered()).size).toBe(5);
    expect(repository.all().every(({ status }) => status === "completed")).toBe(true);
    expect(relay.metrics()).toMatchObject({ published: 5, retried: 0, failed: 0 });
    await relay.stop();
  });

  it("a broker that takes no messages for a while spends no attempts either", async () => {
    const { relay, broker, repository, clock, delivered, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(5, { maxAttempts: 1 }));
    broker.block();
    await relay.start();
    await clock.advance(120_000);
    expect(repository.all().map(({ attemptsMade }) => attemptsMade)).toEqual([0, 0, 0, 0, 0]);
    broker.unblock();
    await settle(relay.drain());
    await clock.advance(defaults.outageMaxMs);
    expect([...delivered()].sort()).toEqual(["order-1", "order-2", "order-3", "order-4", "order-5"]);
    await relay.stop();
  });

  it("an event that failed a try is put behind the others that are due, those of a whole batch are not", async () => {
    const { relay, broker, repository, clock } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(3));
    broker.disconnect();
    await relay.start();
    await clock.advance(60_000);
    const delays = repository.calls
      .filter(({ method }) => method === "recordPending")
      .map(({ args }) => (args[1] as { readonly delayMs: number | null }[]).map(({ delayMs }) => delayMs));
    expect(delays[0]).toEqual([null, null, null]);
    expect(delays.length).toBeGreaterThan(5);
    for (const probe of delays.slice(1)) expect(probe).toEqual([expect.any(Number)]);
    await relay.stop();
  });

  it("an event that always times out does not keep the others from being published", async () => {
    const base = createMemoryBroker().publisher();
    const taken: string[] = [];
    let waitForTimeOut = (_ms: number) => Promise.resolve();
    const publisher: EventPublisher = {
      ...base,
      health: () => ({ status: "healthy", reasons: [], unconfirmed: 0 }),
      publish: async (message, { timeoutMs }) => {
        if (aggregateIdOf(message) !== "poison") return void taken.push(aggregateIdOf(message));
        await waitForTimeOut(timeoutMs);
        throw new OmniBoxError("BROKER.PUBLISH_TIMEOUT", "no confirm");
      },
    };
    const { relay, repository, clock, settle } = createRelayFixture({ publisher, batchSize: 2 });
    waitForTimeOut = (ms) => new Promise((resolve) => clock.schedule(ms, resolve));
    await storeEvents(repository, [sampleDraft({ aggregateId: "poison" }), ...sampleDrafts(20)]);
    await relay.start();
    await clock.advance(600_000);
    expect([...taken].sort()).toEqual(
      sampleDrafts(20)
        .map(({ aggregateId }) => aggregateId)
        .sort(),
    );
    await settle(relay.stop(), 1_000);
  });

  it("a publisher that someone else has stopped is an outage, not a reason to hurry", async () => {
    const { relay, publisher, repository, clock, logger } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(5));
    await relay.start();
    await publisher.stop({ timeoutMs: 0 });
    await storeEvents(repository, sampleDrafts(5));
    repository.forgetCalls();
    await clock.advance(60_000);
    expect(repository.statements.length).toBeLessThan(100);
    expect(logger.alarms).toEqual([expect.stringMatching(brokerGone)]);
    expect(relay.health().status).toBe("degraded");
    await relay.stop();
  });
});

describe("what the broker says about one event", () => {
  it("is counted as an attempt and retried with backoff when it refuses it, beside the others", async () => {
    const { relay, broker, repository, clock, delivered, breathe } = createRelayFixture({
      retry: { delayMs: (attempt) => attempt * 1_000 },
    });
    await storeEvents(repository, [sampleDraft({ aggregateId: "bad", topic: "orders.bad" }), ...sampleDrafts(2)]);
    broker.nackNext(2, "orders.bad");
    await relay.start();
    await breathe();
    expect(delivered()).toEqual(["order-1", "order-2"]);
    expect(repository.all()[0]).toMatchObject({
      status: "pending",
      attemptsMade: 1,
      nextAttemptAt: new Date(clock.now() + 1_000),
      lastError: expect.stringMatching(/^BROKER\.NACKED/),
    });
    await clock.advance(5_000);
    expect(delivered()).toEqual(["order-1", "order-2", "bad"]);
    expect(relay.metrics()).toMatchObject({ published: 3, retried: 2, deferred: 0 });
    await relay.stop();
  });

  it("gives the event up after its last attempt", async () => {
    const { relay, broker, repository, clock } = createRelayFixture({ retry: { delayMs: () => 10 } });
    await storeEvents(repository, [sampleDraft({ maxAttempts: 3 })]);
    broker.nackNext(100);
    await relay.start();
    await clock.advance(60_000);
    expect(repository.all()).toMatchObject([{ status: "failed", attemptsMade: 3, lease: null }]);
    expect(relay.metrics()).toMatchObject({ published: 0, retried: 2, failed: 1 });
    await relay.stop();
  });

  it("gives the event up at once when no queue wants it", async () => {
    const { relay, repository, clock, logger } = createRelayFixture();
    await storeEvents(repository, [sampleDraft({ topic: "nobody.listens" }), sampleDraft()]);
    await relay.start();
    await clock.advance(1_000);
    expect(repository.all()).toMatchObject([
      { status: "failed", attemptsMade: 1, lastError: expect.stringMatching(/^BROKER\.UNROUTABLE/) },
      { status: "completed" },
    ]);
    expect(logger.alarms.filter((message) => brokerGone.test(message))).toEqual([]);
    await relay.stop();
  });

  it("failed events are said in one line for a batch, without their payloads", async () => {
    const { relay, repository, logger, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(30, { topic: "nobody.listens", payload: { secret: "tomato" } }));
    await relay.start();
    await settle(relay.drain());
    expect(logger.alarms).toEqual([expect.stringMatching(/^events have failed for good, .*BROKER\.UNROUTABLE/)]);
    expect(JSON.stringify(logger)).not.toContain("tomato");
    await relay.stop();
  });
});

describe("while the database cannot be reached", () => {
  it("it is asked again and again with growing pauses, and said once", async () => {
    const { relay, repository, clock, logger, delivered, settle } = createRelayFixture();
    await relay.start();
    await clock.advance(100);
    repository.failNext("claim", unreachable, 40);
    repository.forgetCalls();
    await clock.advance(30_000);
    const tries = repository.statements.length;
    expect(tries).toBeGreaterThan(5);
    expect(tries).toBeLessThan(40);
    expect(logger.alarms).toEqual([expect.stringMatching(databaseGone)]);
    await clock.advance(600_000);
    expect(logger.alarms).toEqual([expect.stringMatching(databaseGone), "the database answers again"]);
    expect(relay.metrics().pollErrors).toBe(40);
    await storeEvents(repository, sampleDrafts(1));
    await settle(relay.drain());
    expect(delivered()).toEqual(["order-1"]);
    await relay.stop();
  });

  it("confirmed events are not published again: their outcomes are repeated until known", async () => {
    const { relay, repository, clock, delivered, settle, logger } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(3));
    repository.failNext("recordCompleted", unreachable, 5);
    await relay.start();
    await clock.advance(0);
    expect(delivered()).toHaveLength(3);
    await settle(relay.drain());
    expect(delivered()).toHaveLength(3);
    expect(repository.all().every(({ status }) => status === "completed")).toBe(true);
    expect(logger.alarms).toContainEqual(expect.stringMatching(databaseGone));
    await relay.stop();
  });

  it("an outcome whose answer was lost is not taken for a lost lease", async () => {
    const { relay, repository, delivered, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(3));
    repository.loseAnswerOfNext("recordCompleted", unreachable);
    await relay.start();
    await settle(relay.drain());
    expect(delivered()).toHaveLength(3);
    expect(relay.metrics()).toMatchObject({ leasesLost: 0, outcomesUncertain: 3, published: 3 });
    await relay.stop();
  });

  it("a claim whose answer was lost costs a lease, and no event", async () => {
    const { relay, repository, clock, delivered, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(3));
    repository.loseAnswerOfNext("claim", unreachable);
    await relay.start();
    await clock.advance(5_000);
    expect(delivered()).toEqual([]);
    await clock.advance(defaults.leaseMs);
    await settle(relay.drain());
    expect(delivered()).toEqual(["order-1", "order-2", "order-3"]);
    await relay.stop();
  });
});

describe("a lease that ran out before the outcome was recorded", () => {
  it("is counted and warned about, and the event is another worker's", async () => {
    const { relay, broker, repository, clock, logger, breathe } = createRelayFixture({ publishTimeoutMs: 15_000 });
    const [event] = await storeEvents(repository, sampleDrafts(1));
    broker.holdConfirms();
    await relay.start();
    await breathe();
    // The database's clock runs ahead of this machine's.
    clock.stepWallClock(30_001);
    await repository.lock(event?.id ?? "", { token: "other", workerId: "other", leaseMs: 60_000 });
    broker.releaseConfirms();
    await breathe();
    expect(relay.metrics().leasesLost).toBe(1);
    expect(logger.lines).toContainEqual({
      level: "warn",
      fields: expect.objectContaining({ events: 1, firstEventId: event?.id }),
      message: expect.stringMatching(/leases ran out/),
    });
    expect(repository.all()).toMatchObject([{ status: "pending", lease: { workerId: "other" } }]);
    await relay.stop();
  });

  it("keeps messages from leaving when less of it is left than publishing may take", async () => {
    const { relay, broker, repository, clock, delivered, breathe } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(2));
    broker.block();
    await relay.start();
    await breathe();
    clock.stepWallClock(25_000);
    broker.unblock();
    await breathe();
    expect(delivered()).toEqual([]);
    expect(relay.metrics()).toMatchObject({ released: 2, published: 0 });
    await clock.advance(1_000);
    expect(delivered()).toEqual(["order-1", "order-2"]);
    await relay.stop();
  });
});

describe("outcomes that the store refuses for good", () => {
  it("do not make a later stop look unclean", async () => {
    const { relay, repository, clock } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(1));
    repository.failNext("recordCompleted", new OmniBoxError("STORE.DATA_ERROR", "x"), 2);
    await relay.start();
    await clock.advance(1_000);
    expect(relay.metrics().outcomesUnrecorded).toBe(1);
    expect(await relay.stop()).toEqual({ clean: true, abandoned: 0 });
  });
});
