import { createDeadLetterPublisher, createMaintenance, PermanentError, silentLogger } from "@omni-box/core";
import { createManualClock, createMemoryBroker, createMemoryOutboxRepository } from "@omni-box/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type CollectedMetrics, collectMetrics } from "../test/collect-metrics.js";
import { createTracingScene, OrderPlaced, orderPlaced, ShipmentPrepared } from "../test/tracing-scene.js";
import { createDeadLetterMetrics } from "./create-dead-letter-metrics.js";
import { createInboxMetrics } from "./create-inbox-metrics.js";
import { createMaintenanceMetrics } from "./create-maintenance-metrics.js";
import { createRelayMetrics } from "./create-relay-metrics.js";
import { deadLetterMetricDefinitions } from "./dead-letter-metric-definitions.js";
import { consumerMetricDefinitions, processorMetricDefinitions } from "./inbox-metric-definitions.js";
import { maintenanceMetricDefinitions } from "./maintenance-metric-definitions.js";
import type { MetricDefinition } from "./metric-definition.js";
import { metricDefinitions } from "./metric-definitions.js";
import { relayMetricDefinitions } from "./relay-metric-definitions.js";

let metrics: CollectedMetrics;

beforeEach(() => {
  metrics = collectMetrics();
});

afterEach(() => metrics.close());

describe("counters", () => {
  it("are all exported as 0 before anything has happened, for each event type that is known and for the others", async () => {
    const eventTypes = [OrderPlaced, "order.paid"];
    createRelayMetrics({ meter: metrics.meter, eventTypes });
    createInboxMetrics({ meter: metrics.meter, eventTypes, consumerGroup: "shipping" });
    createDeadLetterMetrics({ meter: metrics.meter, store: "outbox" });
    createMaintenanceMetrics({ meter: metrics.meter });
    const samples = await metrics.samples();
    const expected = [
      relayMetricDefinitions,
      consumerMetricDefinitions,
      processorMetricDefinitions,
      deadLetterMetricDefinitions,
      maintenanceMetricDefinitions,
    ].flatMap(({ counters }) =>
      Object.values<MetricDefinition>(counters).flatMap(({ name, labels }) => {
        const types = labels.includes("omni_box.event.type") ? ["order.placed", "order.paid", "other"] : [undefined];
        return types.map((type) => `${name.replaceAll(".", "_")}_total ${type}`);
      }),
    );
    expect(samples.map(({ name, labels }) => `${name} ${labels.omni_box_event_type}`).sort()).toEqual(expected.sort());
    expect(new Set(samples.map(({ value }) => value))).toEqual(new Set([0]));
  });

  it("have no more series than there are known types, whatever strangers send", async () => {
    const { consumer } = createInboxMetrics({ meter: metrics.meter, eventTypes: ["order.placed"], consumerGroup: "g" });
    const before = (await metrics.samples()).length;
    for (let stranger = 0; stranger < 5_000; stranger += 1) {
      consumer.add("processed", 1, `type-${stranger}`);
      consumer.record("handlerDurationMs", 1, `type-${stranger}`);
    }
    consumer.add("processed", 1, "__proto__");
    const after = await metrics.samples();
    expect(after.length - before).toBeLessThan(30);
    expect(await metrics.value("omni_box_consumer_processed_total", { omni_box_event_type: "other" })).toBe(5_001);
  });

  it("tell of a relay and an inbox what their snapshots tell", async () => {
    const eventTypes = [OrderPlaced, ShipmentPrepared];
    const relayMetrics = createRelayMetrics({ meter: metrics.meter, eventTypes });
    const inboxMetrics = createInboxMetrics({ meter: metrics.meter, eventTypes, consumerGroup: "shipping" });
    const scene = createTracingScene({
      relay: { metrics: relayMetrics },
      inbox: { metrics: inboxMetrics.consumer, processor: { metrics: inboxMetrics.processor } },
      handle: ({ payload }) => {
        const { orderId } = payload as { orderId: string };
        if (orderId === "bad") throw new PermanentError("bad");
        if (orderId === "slow") throw new Error("later");
      },
    });
    await scene.outbox.add({}, [orderPlaced("good"), orderPlaced("bad"), orderPlaced("slow")]);
    await scene.start();
    await scene.received(3);
    await scene.relay.drain();
    await scene.stop();
    const type = { omni_box_event_type: "order.placed" };
    const ofGroup = { ...type, messaging_consumer_group_name: "shipping" };
    expect(await metrics.value("omni_box_relay_published_total", type)).toBe(3);
    expect(scene.relay.metrics().published).toBe(3);
    expect(await metrics.value("omni_box_relay_claimed_total")).toBe(3);
    expect(await metrics.value("omni_box_relay_lag_count")).toBeGreaterThanOrEqual(1);
    expect(await metrics.value("omni_box_consumer_processed_total", ofGroup)).toBe(1);
    expect(await metrics.value("omni_box_consumer_failed_total", ofGroup)).toBe(1);
    expect(await metrics.value("omni_box_consumer_retried_total", ofGroup)).toBe(1);
    expect(await metrics.value("omni_box_consumer_handler_duration_count", ofGroup)).toBe(3);
  });

  it("tell of dead letters and maintenance what their snapshots tell", async () => {
    const clock = createManualClock();
    const broker = createMemoryBroker({ clock });
    broker.bind("dead letters", "orders.#");
    const { administration } = createMemoryOutboxRepository({ clock });
    const { meter } = metrics;
    const letters = createDeadLetterPublisher({
      administration,
      publisher: broker.publisher(),
      clock,
      logger: silentLogger,
      metrics: createDeadLetterMetrics({ meter, store: "outbox" }),
    });
    await letters.start();
    await clock.advance(1_000);
    const looks = letters.metrics().emptyPolls;
    expect(looks).toBeGreaterThan(0);
    expect(await metrics.value("omni_box_dead_letters_empty_polls_total", { omni_box_store: "outbox" })).toBe(looks);
    await letters.stop();
    const maintenance = createMaintenance({
      outbox: { administration },
      clock,
      logger: silentLogger,
      metrics: createMaintenanceMetrics({ meter }),
    });
    await maintenance.runOnce();
    expect(maintenance.metrics()).toMatchObject({ runs: 1, failedRuns: 0 });
    expect(await metrics.value("omni_box_maintenance_runs_total")).toBe(1);
  });
});

describe("histograms", () => {
  it("have seconds, in the buckets that fit them", async () => {
    const relay = createRelayMetrics({ meter: metrics.meter });
    relay.record("publishDurationMs", 7);
    relay.record("batchSize", 500);
    expect(await metrics.value("omni_box_relay_publish_duration_sum")).toBeCloseTo(0.007);
    expect(await metrics.value("omni_box_relay_publish_duration_bucket", { le: "0.005" })).toBe(0);
    expect(await metrics.value("omni_box_relay_publish_duration_bucket", { le: "0.01" })).toBe(1);
    expect(await metrics.value("omni_box_relay_batch_size_bucket", { le: "200" })).toBe(0);
    expect(await metrics.value("omni_box_relay_batch_size_bucket", { le: "500" })).toBe(1);
  });

  it("count a lag below zero, which two clocks can make, as none", async () => {
    const relay = createRelayMetrics({ meter: metrics.meter });
    relay.record("lagMs", -40);
    expect(await metrics.value("omni_box_relay_lag_sum")).toBe(0);
    expect(await metrics.value("omni_box_relay_lag_count")).toBe(1);
  });
});

describe("the definitions", () => {
  it("have names of their own, in the form that OpenTelemetry asks for", () => {
    const names = metricDefinitions.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^omni_box(\.[a-z]+(_[a-z]+)*)+$/);
  });

  it("refuse what cannot be a type, and too many of them", () => {
    expect(() => createRelayMetrics({ eventTypes: [{} as never] })).toThrow(/eventTypes.0/);
    expect(() => createRelayMetrics({ eventTypes: Array.from({ length: 201 }, (_, n) => `t${n}`) })).toThrow(
      /eventTypes/,
    );
    expect(() => createInboxMetrics({} as never)).toThrow(/consumerGroup/);
    expect(() => createDeadLetterMetrics({} as never)).toThrow(/store/);
    expect(() => createMaintenanceMetrics({ meter: 1 } as never)).toThrow(/meter/);
  });
});
