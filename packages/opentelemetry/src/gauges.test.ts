import { circuitBreaker, type EventStatistics, OmniBoxError, outcome, silentLogger } from "@omni-box/core";
import { createManualClock } from "@omni-box/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CollectedMetrics, collectMetrics } from "../test/collect-metrics.js";
import { createTracingScene } from "../test/tracing-scene.js";
import { type BreakerState, observeBreaker } from "./observe-breaker.js";
import { observeStore } from "./observe-store.js";
import { observeWorker } from "./observe-worker.js";

let metrics: CollectedMetrics;

beforeEach(() => {
  metrics = collectMetrics();
});

afterEach(() => metrics.close());

const statistics: EventStatistics = {
  pending: 12,
  failed: 3,
  completed: 9,
  awaitingDeadLetter: 1,
  countLimit: 100_000,
  oldestPendingMs: 4_500,
  blockedKeys: 2,
  expiredLeases: 0,
  owners: [],
  unownedBuckets: 5,
};

/** An outbox whose statistics a test decides about. */
function observed(read: () => Promise<EventStatistics>, options: object = {}) {
  const clock = createManualClock();
  const alarms: string[] = [];
  const logger = {
    ...silentLogger,
    warn: (_fields: object, line: string) => void alarms.push(line),
    info: (_fields: object, line: string) => void alarms.push(line),
  };
  let reads = 0;
  const administration = {
    statistics: () => {
      reads += 1;
      return read();
    },
  };
  const { meter } = metrics;
  const stop = observeStore({ administration, store: "outbox", meter, clock, logger, ...options });
  return { clock, alarms, stop, reads: () => reads };
}

const outbox = { omni_box_store: "outbox" };

describe("the gauges of a store", () => {
  it("tell what its statistics tell, ages in seconds", async () => {
    observed(() => Promise.resolve(statistics));
    const samples = await metrics.samples();
    expect(samples.map(({ name, value }) => [name, value])).toEqual([
      ["omni_box_store_up", 1],
      ["omni_box_store_pending", 12],
      ["omni_box_store_failed", 3],
      ["omni_box_store_awaiting_dead_letter", 1],
      ["omni_box_store_oldest_pending_age", 4.5],
      ["omni_box_store_blocked_keys", 2],
      ["omni_box_store_expired_leases", 0],
      ["omni_box_store_unowned_buckets", 5],
    ]);
    expect(samples[0]?.labels).toEqual(outbox);
  });

  it("ask the database once for all exports of fifteen seconds, and once for exports at the same time", async () => {
    const { clock, reads } = observed(() => Promise.resolve(statistics));
    await Promise.all([metrics.samples(), metrics.samples()]);
    await clock.advance(14_999);
    await metrics.samples();
    expect(reads()).toBe(1);
    await clock.advance(1);
    await metrics.samples();
    expect(reads()).toBe(2);
  });

  it("are left out while the database does not answer, and hold up nothing else", async () => {
    const { promise, resolve } = withResolver();
    const { clock, reads, alarms } = observed(() => promise);
    metrics.meter.createCounter("other").add(1);
    const collecting = metrics.samples();
    await clock.advance(2_000);
    const samples = await collecting;
    expect(samples.map(({ name, value }) => [name, value])).toEqual([
      ["omni_box_store_up", 0],
      ["other_total", 1],
    ]);
    const again = metrics.samples();
    await clock.advance(2_000);
    await again;
    expect(reads()).toBe(1);
    resolve();
    await promise;
    expect(await metrics.value("omni_box_store_pending")).toBe(12);
    expect(alarms).toEqual([
      "the statistics of the outbox cannot be read; their metrics are left out",
      "the statistics of the outbox can be read again",
    ]);
  });

  it("are left out when asking throws, at once or later, and come back by themselves", async () => {
    let attempt = 0;
    observed(() => {
      attempt += 1;
      if (attempt === 1) throw new Error("not a promise");
      return attempt === 2 ? Promise.reject(new Error("no rights")) : Promise.resolve(statistics);
    });
    expect(await metrics.value("omni_box_store_up")).toBe(0);
    expect(await metrics.value("omni_box_store_up")).toBe(0);
    expect(await metrics.value("omni_box_store_up")).toBe(1);
  });

  it("are exported no more when observing has ended", async () => {
    const { stop } = observed(() => Promise.resolve(statistics));
    stop();
    expect(await metrics.samples()).toEqual([]);
  });

  it("may be those of several stores", async () => {
    observed(() => Promise.resolve(statistics));
    observed(() => Promise.resolve({ ...statistics, pending: 1 }), { store: "inbox", consumerGroup: "shipping" });
    expect(await metrics.value("omni_box_store_pending", outbox)).toBe(12);
    const ofInbox = { omni_box_store: "inbox", messaging_consumer_group_name: "shipping" };
    expect(await metrics.value("omni_box_store_pending", ofInbox)).toBe(1);
  });
});

describe("the gauges of a worker", () => {
  it("tell of a relay its status, its buckets and its blocked keys", async () => {
    const scene = createTracingScene();
    observeWorker({ worker: scene.relay, name: "relay", meter: metrics.meter });
    const status = (state: string) => metrics.value("omni_box_worker_status", { omni_box_status: state });
    expect([await status("healthy"), await status("unhealthy")]).toEqual([0, 1]);
    await scene.start();
    await scene.relay.drain();
    expect([await status("healthy"), await status("unhealthy")]).toEqual([1, 0]);
    expect(await metrics.value("omni_box_worker_owned_buckets", { omni_box_worker: "relay" })).toBe(64);
    expect(await metrics.value("omni_box_worker_blocked_keys", { omni_box_worker: "relay" })).toBe(0);
    await scene.stop();
  });

  it("cost only themselves when asking throws", async () => {
    const broken = () => {
      throw new Error("no health today");
    };
    observeWorker({ worker: { health: broken }, name: "broken", meter: metrics.meter });
    observeWorker({ worker: { health: () => ({ status: "degraded" }) }, name: "other", meter: metrics.meter });
    const samples = await metrics.samples();
    expect(new Set(samples.map(({ labels }) => labels.omni_box_worker))).toEqual(new Set(["other"]));
  });
});

describe("the gauge of a circuit breaker", () => {
  it("is 1 for the state that it is in", async () => {
    let state: BreakerState = "closed";
    observeBreaker({ breaker: { snapshot: () => [{ state }] }, name: "broker", meter: metrics.meter });
    for (const next of ["closed", "open", "halfOpen"] as const) {
      state = next;
      const samples = await metrics.samples();
      expect(samples.filter(({ value }) => value === 1).map(({ labels }) => labels)).toEqual([
        { omni_box_breaker: "broker", omni_box_state: next === "halfOpen" ? "half_open" : next },
      ]);
      expect(samples).toHaveLength(3);
    }
  });

  it("is told by the step that a relay uses", async () => {
    const breaker = circuitBreaker({ failureThreshold: 1 });
    observeBreaker({ breaker, name: "broker", meter: metrics.meter });
    const of = (omni_box_state: string) => metrics.value("omni_box_breaker_circuits", { omni_box_state });
    expect([await of("closed"), await of("open")]).toEqual([1, 0]);
    const clock = createManualClock();
    const context = { clock, logger: silentLogger } as never;
    const event = { topic: "orders" } as never;
    await breaker(event, context, () => Promise.resolve(outcome.defer(new OmniBoxError("BROKER.UNREACHABLE", "x"))));
    expect([await of("closed"), await of("open")]).toEqual([0, 1]);
  });

  it("counts the circuits in each state where each key has one, and takes a step for a breaker", async () => {
    const states: BreakerState[] = ["open", "closed", "open"];
    const breaker = Object.assign(() => undefined, { snapshot: () => states.map((state) => ({ state })) });
    observeBreaker({ breaker, name: "topics", meter: metrics.meter });
    const of = (omni_box_state: string) => metrics.value("omni_box_breaker_circuits", { omni_box_state });
    expect([await of("open"), await of("half_open"), await of("closed")]).toEqual([2, 0, 1]);
  });
});

describe("observers", () => {
  it("refuse options that cannot work", () => {
    expect(() => observeStore({ store: "outbox" } as never)).toThrow(/administration/);
    expect(() => observeWorker({ worker: {}, name: "" } as never)).toThrow(/worker.*name|name.*worker/);
    expect(() => observeBreaker({ breaker: { snapshot: () => [] } } as never)).toThrow(/name/);
  });
});

/** A database's answer that comes when the test says so. */
function withResolver() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<EventStatistics>((settle) => {
    resolve = () => settle(statistics);
  });
  return { promise, resolve: () => resolve() };
}
