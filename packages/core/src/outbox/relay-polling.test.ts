import { describe, expect, it } from "vitest";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";

/** The pauses between the claims. */
function gapsOf(claims: readonly { readonly atMs: number }[]): number[] {
  return claims.slice(1).map(({ atMs }, index) => atMs - (claims[index]?.atMs ?? 0));
}

describe("polling", () => {
  it("slows down step by step while nothing is found, up to the longest pause", async () => {
    const { relay, clock, watchClaims } = createRelayFixture();
    const claims = watchClaims();
    await relay.start();
    await clock.advance(5_000);
    expect(gapsOf(claims)).toEqual([10, 20, 40, 80, 160, 320, 640, 1_000, 1_000, 1_000]);
    await relay.stop();
  });

  it("takes its shortest and longest pause from the options", async () => {
    const { relay, clock, watchClaims } = createRelayFixture({ pollMinMs: 3, pollMaxMs: 20 });
    const claims = watchClaims();
    await relay.start();
    await clock.advance(70);
    expect(gapsOf(claims)).toEqual([3, 6, 12, 20, 20]);
    await relay.stop();
  });

  it("is quick again as soon as something is found", async () => {
    const { relay, repository, clock, delivered, watchClaims } = createRelayFixture();
    const claims = watchClaims();
    await relay.start();
    await clock.advance(5_000);
    await storeEvents(repository, sampleDrafts(1));
    const before = claims.length;
    await clock.advance(1_200);
    expect(delivered()).toEqual(["order-1"]);
    expect(gapsOf(claims).slice(before, before + 4)).toEqual([10, 20, 40, 80]);
    await relay.stop();
  });

  it("does not pause while batches are full", async () => {
    const { relay, repository, delivered, breathe, watchClaims } = createRelayFixture({ batchSize: 2 });
    const claims = watchClaims();
    await storeEvents(repository, sampleDrafts(10));
    await relay.start();
    await breathe();
    expect(delivered()).toHaveLength(10);
    expect(new Set(claims.map(({ atMs }) => atMs))).toEqual(new Set([0]));
    await relay.stop();
  });

  it("asks for batches of the given size under the given name", async () => {
    const { relay, repository, breathe } = createRelayFixture({ batchSize: 7, workerId: "relay-1" });
    await relay.start();
    await breathe();
    const [request] = repository.calls.find(({ method }) => method === "claim")?.args ?? [];
    expect(request).toMatchObject({ limit: 7, workerId: "relay-1", leaseMs: 30_000 });
    await relay.stop();
  });
});

describe("nudge", () => {
  it("ends the current pause at once, and lets the pauses grow from the shortest again", async () => {
    const { relay, repository, clock, delivered, breathe, watchClaims } = createRelayFixture();
    const claims = watchClaims();
    await relay.start();
    await clock.advance(5_000);
    await storeEvents(repository, sampleDrafts(1));
    const before = claims.length;
    relay.nudge();
    await breathe();
    expect(delivered()).toEqual(["order-1"]);
    expect(claims).toHaveLength(before + 1);
    await clock.advance(100);
    expect(gapsOf(claims).slice(before)).toEqual([10, 20, 40]);
    await relay.stop();
  });

  it("lets the pauses be short again also when it brings nothing", async () => {
    const { relay, clock, watchClaims } = createRelayFixture();
    const claims = watchClaims();
    await relay.start();
    await clock.advance(5_000);
    const before = claims.length;
    relay.nudge();
    await clock.advance(100);
    expect(gapsOf(claims).slice(before)).toEqual([20, 40]);
    await relay.stop();
  });

  it("is not lost when it comes while the relay is busy", async () => {
    const { relay, repository, clock, delivered, breathe } = createRelayFixture();
    await relay.start();
    await clock.advance(5_000);
    repository.onNext("claim", async (carryOut) => {
      const claimed = await carryOut();
      await storeEvents(repository, sampleDrafts(1));
      relay.nudge();
      return claimed;
    });
    relay.nudge();
    await breathe();
    expect(delivered()).toEqual(["order-1"]);
    await relay.stop();
  });

  it("of a relay that does not run does nothing", async () => {
    const { relay, repository } = createRelayFixture();
    relay.nudge();
    await relay.start();
    await relay.stop();
    repository.forgetCalls();
    relay.nudge();
    expect(repository.statements).toEqual([]);
  });
});

describe("drain", () => {
  it("waits for confirms and outcomes in flight", async () => {
    const { relay, broker, repository, clock, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(3));
    broker.holdConfirms();
    await relay.start();
    let isDrained = false;
    const draining = relay.drain().then(() => {
      isDrained = true;
    });
    await clock.advance(5_000);
    expect(isDrained).toBe(false);
    broker.releaseConfirms();
    await settle(draining);
    expect(repository.all().every(({ status }) => status === "completed")).toBe(true);
    await relay.stop();
  });

  it("hurries a sleeping relay", async () => {
    const { relay, repository, clock, delivered, settle } = createRelayFixture();
    await relay.start();
    await clock.advance(5_000);
    await storeEvents(repository, sampleDrafts(3));
    const msToDrain = async () => {
      const before = clock.monotonicMs();
      await settle(relay.drain());
      await clock.advance(5_000);
      return clock.monotonicMs() - before - 5_000;
    };
    // With events and without.
    expect(await msToDrain()).toBeLessThanOrEqual(50);
    expect(delivered()).toHaveLength(3);
    expect(await msToDrain()).toBeLessThanOrEqual(50);
    await relay.stop();
  });

  it("does not wait for events that are not due", async () => {
    const { relay, repository, clock, delivered, settle } = createRelayFixture();
    const scheduledAt = new Date(clock.now() + 3_600_000);
    await storeEvents(repository, [sampleDraft(), sampleDraft({ aggregateId: "later", scheduledAt })]);
    await relay.start();
    await settle(relay.drain());
    expect(delivered()).toEqual(["order-1"]);
    await clock.advance(3_601_000);
    expect(delivered()).toEqual(["order-1", "later"]);
    await relay.stop();
  });

  it("asks twice, so that what was stored beside the first look is not missed", async () => {
    const { relay, repository, delivered, settle, breathe } = createRelayFixture();
    await relay.start();
    await breathe();
    const draining = relay.drain();
    repository.onNext("claim", async (carryOut) => {
      const claimed = await carryOut();
      await storeEvents(repository, sampleDrafts(1));
      return claimed;
    });
    await settle(draining);
    expect(delivered()).toEqual(["order-1"]);
    await relay.stop();
  });

  it("lets several wait", async () => {
    const { relay, repository, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(3));
    await relay.start();
    await settle(Promise.all([relay.drain(), relay.drain(), relay.drain()]));
    expect(repository.all().every(({ status }) => status === "completed")).toBe(true);
    await relay.stop();
  });

  it("waits for the end of an outage", async () => {
    const { relay, broker, repository, clock, delivered, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(3));
    await relay.start();
    broker.disconnect();
    let isDrained = false;
    const draining = relay.drain().then(() => {
      isDrained = true;
    });
    await clock.advance(60_000);
    expect(isDrained).toBe(false);
    broker.reconnect();
    await settle(draining);
    // The event that was tried last during the outage backs off a little longer.
    await clock.advance(defaults.outageMaxMs);
    expect([...delivered()].sort()).toEqual(["order-1", "order-2", "order-3"]);
    await relay.stop();
  });

  it("resolves at once when the relay does not run", async () => {
    const { relay } = createRelayFixture();
    await relay.drain();
    await relay.start();
    await relay.stop();
    await relay.drain();
  });

  it("resolves when the relay is stopped, whatever is still waiting", async () => {
    const { relay, broker, repository, clock, breathe } = createRelayFixture({ stopTimeoutMs: 1_000 });
    await storeEvents(repository, sampleDrafts(1));
    broker.holdConfirms();
    await relay.start();
    await breathe();
    const draining = relay.drain();
    const stopping = relay.stop();
    await draining;
    const drainingLate = relay.drain();
    expect(relay.state).toBe("stopping");
    await drainingLate;
    await clock.advance(1_000);
    await stopping;
  });

  it("resolves when the relay is stopped while its store does not answer", async () => {
    const { relay, repository, clock, breathe } = createRelayFixture({ stopTimeoutMs: 1_000 });
    repository.onNext("claim", () => new Promise(() => undefined));
    await relay.start();
    await breathe();
    const draining = relay.drain();
    const stopping = relay.stop();
    await draining;
    await clock.advance(1_000);
    await stopping;
  });
});

describe("prefetch", () => {
  it("claims the next batch while the one before is not confirmed yet", async () => {
    const { relay, broker, repository, delivered, breathe, settle } = createRelayFixture({ batchSize: 2 });
    await storeEvents(repository, sampleDrafts(10));
    broker.holdConfirms();
    await relay.start();
    await breathe();
    expect(delivered()).toEqual(["order-1", "order-2", "order-3", "order-4"]);
    broker.releaseConfirms();
    await settle(relay.drain());
    await relay.stop();
  });

  it.each([1, 2, 3, 10])("never has more than batchesInFlight = %i batches in work", async (batchesInFlight) => {
    const { relay, broker, repository, delivered, clock, breathe, settle } = createRelayFixture({
      batchSize: 2,
      batchesInFlight,
    });
    await storeEvents(repository, sampleDrafts(50));
    broker.holdConfirms();
    await relay.start();
    await breathe();
    expect(repository.statements.filter((method) => method === "claim")).toHaveLength(batchesInFlight);
    await clock.advance(5_000);
    expect(repository.statements.filter((method) => method === "claim")).toHaveLength(batchesInFlight);
    expect(delivered()).toHaveLength(2 * batchesInFlight);
    broker.releaseConfirms();
    await settle(relay.drain());
    expect(delivered()).toHaveLength(50);
    await relay.stop();
  });

  it("goes on with the next batch as soon as one of those in work is recorded", async () => {
    const { relay, broker, repository, delivered, breathe, settle } = createRelayFixture({ batchSize: 1 });
    await storeEvents(repository, sampleDrafts(3));
    broker.dropConfirms(1);
    await relay.start();
    await breathe();
    expect(delivered()).toEqual(["order-1", "order-2", "order-3"]);
    expect(repository.all().map(({ status }) => status)).toEqual(["pending", "completed", "completed"]);
    await settle(relay.stop(), 1_000);
  });

  it("does not let an outcome that the store keeps from being recorded be forgotten for the next batch", async () => {
    const { relay, repository, delivered, clock, settle } = createRelayFixture({ batchSize: 1 });
    await storeEvents(repository, sampleDrafts(5));
    repository.failNext("recordCompleted", new OmniBoxError("STORE.UNREACHABLE", "x"), 6);
    await relay.start();
    await clock.advance(0);
    // Two batches wait for their outcomes, so nothing more is claimed.
    expect(delivered()).toEqual(["order-1", "order-2"]);
    await settle(relay.drain());
    expect(delivered()).toEqual(["order-1", "order-2", "order-3", "order-4", "order-5"]);
    await relay.stop();
  });
});
