import { describe, expect, it } from "vitest";
import { aggregateIdOf, createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { ownedBuckets } from "../buckets/owned-buckets.js";
import { defaults } from "../defaults.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { Step } from "../pipeline/step.js";
import { leased } from "../processor/leased.js";
import { circuitBreaker } from "../steps/circuit-breaker.js";
import { rateLimit } from "../steps/rate-limit.js";
import type { OutboxRelayOptions } from "./relay-options.js";

const strategies = [
  ["leased rows", leased],
  ["owned buckets", ownedBuckets],
] as const;

/** A service that a step asks about each event. */
function serviceStep() {
  const calls: { readonly atMs: number; readonly id: string }[] = [];
  const state = { isUp: true };
  const step: Step<OutboxEvent> = async function service({ id }, { clock }, next) {
    calls.push({ atMs: clock.monotonicMs(), id });
    if (!state.isUp) throw Object.assign(new Error("nobody is there"), { code: "ECONNREFUSED" });
    return next();
  };
  return { step, calls, state };
}

function setUp(fetch: OutboxRelayOptions["fetch"], steps: readonly Step<OutboxEvent>[], options = {}) {
  const fixture = createRelayFixture({ fetch, steps, ...options });
  const polls = () => {
    const { batches, emptyPolls } = fixture.relay.metrics();
    return batches + emptyPolls;
  };
  return { ...fixture, polls };
}

const attempts = (events: readonly OutboxEvent[]) => events.reduce((sum, { attemptsMade }) => sum + attemptsMade, 0);

describe.each(strategies)("a circuit breaker in a running relay over %s", (name, strategy) => {
  const breakerOptions = { failureThreshold: 3, halfOpenAfterMs: 10_000, random: () => 0 };

  it("stays open while the service is down, tries one event at a time, and lets all go when it is up", async () => {
    const { step, calls, state } = serviceStep();
    const breaker = circuitBreaker<OutboxEvent>(breakerOptions);
    const { relay, repository, clock, logger, delivered, until, polls } = setUp(strategy(), [breaker, step], {
      batchSize: 10,
    });
    await storeEvents(repository, sampleDrafts(200));
    state.isUp = false;
    await relay.start();
    await clock.advance(9_999);
    const atFirst = calls.length;
    // What was begun before it opened: the first batch, and the one behind it.
    expect(atFirst).toBeLessThanOrEqual(20);
    expect(relay.health()).toMatchObject({
      status: "degraded",
      reasons: ["the circuit breaker is open: nobody is there"],
    });
    await clock.advance(600_000 - 9_999);
    expect(calls.length - atFirst).toBeGreaterThanOrEqual(10);
    const gaps = calls.slice(atFirst).map(({ atMs }, index) => atMs - (calls[atFirst + index - 1]?.atMs ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(10_000);
    // The tries cost nothing, and are made with one event and another.
    expect(attempts(repository.all())).toBe(atFirst);
    expect(new Set(calls.slice(atFirst).map(({ id }) => id)).size).toBeGreaterThanOrEqual(3);
    // In the mean a poll in half a second, as in an idle system: it does not turn hot.
    expect(polls()).toBeLessThan(2 * 600);

    state.isUp = true;
    await until(() => delivered().length === 200);
    expect(relay.health().status).toBe("healthy");
    expect(logger.alarms).toEqual([
      "the circuit breaker has opened: nobody is there",
      "the circuit breaker has closed: what it guards works again",
    ]);
    await relay.stop();
  });

  it("keeps the order of each key", async () => {
    const { step, state } = serviceStep();
    const { relay, repository, clock, broker, until } = setUp(
      strategy(name === "leased rows" ? { keyHeadsOnly: true } : {}),
      [circuitBreaker<OutboxEvent>(breakerOptions), step],
    );
    const drafts = Array.from({ length: 60 }, (_, n) =>
      sampleDraft({ partitionKey: `key ${n % 7}`, aggregateId: `${n}` }),
    );
    await storeEvents(repository, drafts);
    state.isUp = false;
    await relay.start();
    await clock.advance(35_000);
    state.isUp = true;
    await until(() => broker.messages("everything").length >= 60);
    const byKey = new Map<string, number[]>();
    for (const message of broker.messages("everything")) {
      byKey.set(message.partitionKey, [...(byKey.get(message.partitionKey) ?? []), Number(aggregateIdOf(message))]);
    }
    expect(byKey.size).toBe(7);
    for (const numbers of byKey.values()) expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    await relay.stop();
  });

  it("with a key, holds back the events of that key alone", async () => {
    const calls: string[] = [];
    const failing: Step<OutboxEvent> = async ({ topic }, _context, next) => {
      calls.push(topic);
      if (topic === "orders.bad") throw new Error("nobody is there");
      return next();
    };
    const breaker = circuitBreaker<OutboxEvent>({ ...breakerOptions, key: ({ topic }) => topic });
    const { relay, repository, clock, delivered } = setUp(strategy(), [breaker, failing], { batchSize: 10 });
    await storeEvents(repository, sampleDrafts(100, { topic: "orders.bad" }));
    await storeEvents(repository, [sampleDraft({ aggregateId: "good", topic: "orders.good" })]);
    await relay.start();
    await clock.advance(30_000);
    expect(delivered()).toEqual(["good"]);
    expect(calls.filter((topic) => topic === "orders.bad").length).toBeLessThan(30);
    await relay.stop();
  });

  it("and the relay's own gate for the broker get along: an outage ends for both, and spends nothing", async () => {
    const breaker = circuitBreaker<OutboxEvent>(breakerOptions);
    const { relay, repository, clock, broker, delivered, until } = setUp(strategy(), [breaker]);
    await storeEvents(repository, sampleDrafts(50));
    broker.disconnect();
    await relay.start();
    await clock.advance(300_000);
    expect(breaker.snapshot()).toMatchObject([{ state: "open" }]);
    expect(relay.health().reasons).toHaveLength(3);
    broker.reconnect();
    await until(() => new Set(delivered()).size === 50);
    expect(attempts(repository.all())).toBe(0);
    expect(relay.health().status).toBe("healthy");
    await relay.stop();
  });
});

describe.each(strategies)("steps that put events off in a relay over %s", (_name, strategy) => {
  it("are not taken for an outage of the broker", async () => {
    const { relay, repository, clock, logger, delivered } = setUp(strategy(), [
      async ({ aggregateId }, _context, next) => (aggregateId === "later" ? outcome.defer("not now") : next()),
    ]);
    await storeEvents(repository, [sampleDraft({ aggregateId: "later" }), ...sampleDrafts(5)]);
    await relay.start();
    await clock.advance(100);
    expect(delivered().length).toBe(5);
    expect(logger.alarms).toEqual([]);
    expect(relay.health().status).toBe("healthy");
    await relay.stop();
  });

  it("do not turn the relay hot, neither alone nor beside events that go through", async () => {
    const tries: string[] = [];
    const { relay, repository, clock } = setUp(strategy(), [
      async ({ aggregateId }, _context, next) => {
        tries.push(aggregateId);
        return aggregateId === "later" ? outcome.defer("not now") : next();
      },
    ]);
    await storeEvents(repository, [sampleDraft({ aggregateId: "later" })]);
    await relay.start();
    for (let second = 0; second < 30; second += 1) {
      await storeEvents(repository, [sampleDraft({ aggregateId: `other ${second}` })]);
      relay.nudge();
      await clock.advance(1_000);
    }
    const later = tries.filter((aggregateId) => aggregateId === "later").length;
    expect(later).toBeGreaterThanOrEqual(10);
    expect(later).toBeLessThanOrEqual(31);
    await relay.stop();
  });

  it.each<readonly [string, Outcome]>([
    ["defer all", outcome.defer("not now", 60_000)],
    ["give all back for a while", { kind: "release", reason: "not its turn", delayMs: 60_000 }],
  ])("leave a large backlog to be read bit by bit when they %s", async (_kind, putOff) => {
    let asked = 0;
    const { relay, repository, clock } = setUp(
      strategy(),
      [
        async () => {
          asked += 1;
          return putOff;
        },
      ],
      { batchSize: 10 },
    );
    await storeEvents(repository, sampleDrafts(2_000));
    await relay.start();
    await clock.advance(30_000);
    // Ten in a second, and as many at first as come before the pauses are long.
    expect(asked).toBeLessThanOrEqual(30 * 10 + 200);
    expect(asked).toBeGreaterThanOrEqual(100);
    await relay.stop();
  });
});

describe.each(strategies)("a rate limit in a running relay over %s", (name, strategy) => {
  it("keeps the order of each key, whether events wait in the step or are put off", async () => {
    for (const maxWaitMs of [0, 40, 1_000]) {
      const { relay, repository, broker, until } = setUp(
        strategy(name === "leased rows" ? { keyHeadsOnly: true } : {}),
        [rateLimit({ perSecond: 50, burst: 5, maxWaitMs })],
        { batchSize: 20 },
      );
      const drafts = Array.from({ length: 60 }, (_, n) =>
        sampleDraft({ partitionKey: `key ${n % 7}`, aggregateId: `${n}` }),
      );
      await storeEvents(repository, drafts);
      await relay.start();
      await until(() => broker.messages("everything").length >= 60);
      for (let key = 0; key < 7; key += 1) {
        const ofKey = broker.messages("everything").filter(({ partitionKey }) => partitionKey === `key ${key}`);
        const numbers = ofKey.map((message) => Number(aggregateIdOf(message)));
        expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
      }
      expect(attempts(repository.all())).toBe(0);
      await relay.stop();
    }
  });

  it("is kept, without attempts and without haste, and nothing is left behind", async () => {
    const { relay, repository, clock, broker, delivered, polls, until } = setUp(
      strategy(),
      [rateLimit({ perSecond: 20, burst: 1 })],
      { batchSize: 50 },
    );
    const arrived: number[] = [];
    broker.subscribe("everything", () => void arrived.push(clock.monotonicMs()));
    await storeEvents(repository, sampleDrafts(200));
    await relay.start();
    await until(() => delivered().length === 200);
    const tookMs = clock.monotonicMs();
    expect(tookMs).toBeGreaterThanOrEqual(9_950);
    expect(tookMs).toBeLessThanOrEqual(15_000);
    for (const [index, atMs] of arrived.entries()) {
      const aSecondLater = arrived.slice(index).filter((other) => other < atMs + 1_000).length;
      expect(aSecondLater).toBeLessThanOrEqual(21);
    }
    expect(attempts(repository.all())).toBe(0);
    expect(polls()).toBeLessThan(40 * 15);
    await relay.stop();
  });

  it("is used to the full without waiting in the step too, and the backlog is not read in vain again and again", async () => {
    let asked = 0;
    const { relay, repository, delivered, clock, until } = setUp(
      strategy(),
      [
        (_event, _context, next) => {
          asked += 1;
          return next();
        },
        rateLimit({ perSecond: 50, burst: 5, maxWaitMs: 0 }),
      ],
      { batchSize: 50 },
    );
    await storeEvents(repository, sampleDrafts(1_000));
    await relay.start();
    await until(() => delivered().length === 1_000);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(19_800);
    expect(clock.monotonicMs()).toBeLessThanOrEqual(30_000);
    expect(asked).toBeLessThan(6_000);
    await relay.stop();
  });

  it("lets the relay stop at once", async () => {
    const { relay, repository, clock, delivered, settle } = setUp(strategy(), [rateLimit({ perSecond: 1, burst: 1 })]);
    await storeEvents(repository, sampleDrafts(20));
    await relay.start();
    await clock.advance(100);
    const before = clock.monotonicMs();
    expect(await settle(relay.stop())).toEqual({ clean: true, abandoned: 0 });
    expect(clock.monotonicMs() - before).toBeLessThan(100);
    await clock.advance(defaults.leaseMs);
    expect(delivered().length).toBe(1);
    expect(repository.all().every(({ lease }) => lease === null)).toBe(true);
  });
});
