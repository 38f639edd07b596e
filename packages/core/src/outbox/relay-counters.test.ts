import { describe, expect, it } from "vitest";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { RelayCounter, RelayMeasurement, RelayMetricsRecorder } from "../protocols/metrics.js";

/** A recorder that adds up and keeps. */
function keepMetrics() {
  const totals: Partial<Record<RelayCounter, number>> = {};
  const values: Partial<Record<RelayMeasurement, number[]>> = {};
  const recorder: RelayMetricsRecorder = {
    add(counter, value) {
      totals[counter] = (totals[counter] ?? 0) + value;
    },
    record(measurement, value) {
      values[measurement] = [...(values[measurement] ?? []), value];
    },
  };
  return { totals, values, recorder };
}

describe("the relay's metrics", () => {
  it("tell the recorder of what type the events are of which they say what became of them, and only of those", async () => {
    const told: [string, number, string | undefined][] = [];
    const { relay, repository, clock } = createRelayFixture({
      metrics: {
        add: (counter, value, eventType) => void told.push([counter, value, eventType]),
        record: () => undefined,
      },
    });
    await storeEvents(repository, [
      ...sampleDrafts(2),
      sampleDraft({ type: "order.paid" }),
      sampleDraft({ type: "order.paid", topic: "nobody.listens", aggregateId: "failed" }),
    ]);
    await relay.start();
    await clock.advance(0);
    expect(told).toEqual([
      ["batches", 1, undefined],
      ["claimed", 4, undefined],
      ["published", 2, "order.placed"],
      ["published", 1, "order.paid"],
      ["failed", 1, "order.paid"],
    ]);
    expect(relay.metrics()).toMatchObject({ published: 3, failed: 1 });
    await relay.stop();
  });

  it("count every event by what became of it, in the snapshot and in the application's recorder alike", async () => {
    const { totals, recorder } = keepMetrics();
    const { relay, broker, repository, clock } = createRelayFixture({
      metrics: recorder,
      steps: [
        async ({ aggregateId }, { clock }, next) => {
          if (aggregateId === "defer") throw new OmniBoxError("BROKER.CONNECTION_LOST", "x");
          if (aggregateId === "release" && clock.monotonicMs() < 5) throw new OmniBoxError("BROKER.NOT_PERMITTED", "x");
          return next();
        },
      ],
    });
    const drafts = [
      ...sampleDrafts(2),
      sampleDraft({ aggregateId: "retry", topic: "orders.refused" }),
      sampleDraft({ aggregateId: "failed", topic: "nobody.listens" }),
      sampleDraft({ aggregateId: "release" }),
      sampleDraft({ aggregateId: "defer" }),
    ];
    await storeEvents(repository, drafts);
    broker.nackNext(1, "orders.refused");
    await relay.start();
    await clock.advance(0);
    const snapshot = relay.metrics();
    expect(snapshot).toEqual({
      claimed: 6,
      published: 2,
      crashed: 0,
      retried: 1,
      deferred: 1,
      failed: 1,
      released: 1,
      abandoned: 0,
      leasesLost: 0,
      outcomesUncertain: 0,
      outcomesUnrecorded: 0,
      batches: 1,
      emptyPolls: 0,
      pollErrors: 0,
    });
    expect(Object.fromEntries(Object.entries(snapshot).filter(([, value]) => value > 0))).toEqual(totals);
    await relay.stop();
  });

  it("are a snapshot: it does not change afterwards, and the next one starts where it ended", async () => {
    const { relay, repository, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(2));
    await relay.start();
    await settle(relay.drain());
    const snapshot = relay.metrics();
    await relay.stop();
    await storeEvents(repository, [sampleDraft({ aggregateId: "later" })]);
    await relay.start();
    await settle(relay.drain());
    expect(snapshot.published).toBe(2);
    expect(relay.metrics().published).toBe(3);
    await relay.stop();
  });

  it("count polls that found nothing, and those that failed", async () => {
    const { totals, recorder } = keepMetrics();
    const { relay, repository, clock } = createRelayFixture({ metrics: recorder });
    repository.failNext("claim", new OmniBoxError("STORE.UNREACHABLE", "x"), 2);
    await relay.start();
    await clock.advance(10_000);
    const { emptyPolls, pollErrors, batches } = relay.metrics();
    expect([pollErrors, batches]).toEqual([2, 0]);
    expect(emptyPolls).toBeGreaterThan(5);
    expect(totals).toEqual({ emptyPolls, pollErrors });
    await relay.stop();
  });

  it("measure sizes, durations, and the age of a batch's oldest event", async () => {
    const { values, recorder } = keepMetrics();
    const { relay, broker, repository, clock, settle } = createRelayFixture({ metrics: recorder });
    await storeEvents(repository, sampleDrafts(1));
    await clock.advance(1_000);
    await storeEvents(repository, sampleDrafts(2));
    repository.onNext("claim", async (carryOut) => {
      await clock.advance(5);
      return carryOut();
    });
    repository.onNext("recordCompleted", async (carryOut) => {
      await clock.advance(7);
      return carryOut();
    });
    broker.holdConfirms();
    await relay.start();
    await clock.advance(0);
    await clock.advance(200);
    broker.releaseConfirms();
    await settle(relay.drain());
    expect(values).toMatchObject({
      batchSize: [3],
      publishDurationMs: [200],
      commitDurationMs: [7],
      lagMs: [1_000 + 5 + 200 + 7],
    });
    expect(values.claimDurationMs?.[0]).toBe(5);
    await relay.stop();
  });

  it("do not speak of lag when nothing was published", async () => {
    const { values, recorder } = keepMetrics();
    const { relay, broker, repository, clock } = createRelayFixture({ metrics: recorder });
    await storeEvents(repository, sampleDrafts(1));
    broker.nackNext(1);
    await relay.start();
    await clock.advance(0);
    expect(values.lagMs).toBeUndefined();
    await relay.stop();
  });

  it("a recorder that throws stops nothing, and is said once", async () => {
    const broken = () => {
      throw new Error("no registry");
    };
    const fixture = createRelayFixture({ metrics: { add: broken, record: broken } });
    await storeEvents(fixture.repository, sampleDrafts(5));
    await fixture.relay.start();
    await fixture.settle(fixture.relay.drain());
    expect(fixture.relay.metrics()).toMatchObject({ published: 5, pollErrors: 0 });
    expect(fixture.logger.alarms).toEqual(["the metrics recorder throws; its numbers are incomplete"]);
    await fixture.relay.stop();
  });
});
