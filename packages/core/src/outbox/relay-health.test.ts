import { describe, expect, it } from "vitest";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { ownedBuckets } from "../buckets/owned-buckets.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { createOutboxRelay } from "./create-outbox-relay.js";

const unreachable = new OmniBoxError("STORE.UNREACHABLE", "no connection to postgresql://app:secret@db");

describe("the relay's health", () => {
  it("is bad while it does not run, and says in which state it is", async () => {
    const { relay } = createRelayFixture();
    expect(relay.health()).toEqual({ status: "unhealthy", state: "stopped", reasons: ["the relay is stopped"] });
    const starting = relay.start();
    expect(relay.health()).toEqual({ status: "unhealthy", state: "starting", reasons: ["the relay is starting"] });
    await starting;
    await relay.stop();
    expect(relay.health()).toEqual({ status: "unhealthy", state: "stopped", reasons: ["the relay is stopped"] });
  });

  it("is good while it runs, also when there is nothing to do for long", async () => {
    const { relay, repository, clock } = createRelayFixture();
    await relay.start();
    for (let hour = 0; hour < 3; hour += 1) {
      await clock.advance(3_600_000);
      expect(relay.health()).toEqual({ status: "healthy", state: "running", reasons: [] });
    }
    await storeEvents(repository, sampleDrafts(3));
    await clock.advance(10_000);
    expect(relay.health().status).toBe("healthy");
    await relay.stop();
  });

  it("is no longer good when it is stopping", async () => {
    const { relay, broker, repository, breathe } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(1));
    broker.holdConfirms();
    await relay.start();
    await breathe();
    const stopping = relay.stop();
    expect(relay.health()).toEqual({ status: "unhealthy", state: "stopping", reasons: ["the relay is stopping"] });
    broker.releaseConfirms();
    await stopping;
  });

  it("suffers while the broker is away, and names the reason, until it is back", async () => {
    const { relay, broker, repository, clock } = createRelayFixture();
    await relay.start();
    broker.disconnect();
    expect(relay.health()).toEqual({ status: "degraded", state: "running", reasons: ["the broker cannot be reached"] });
    await storeEvents(repository, sampleDrafts(1));
    await clock.advance(600_000);
    expect(relay.health()).toEqual({
      status: "degraded",
      state: "running",
      reasons: [
        "the broker cannot be reached",
        expect.stringMatching(/^the broker does not answer: BROKER\.UNREACHABLE/),
      ],
    });
    broker.reconnect();
    await clock.advance(20_000);
    expect(relay.health()).toEqual({ status: "healthy", state: "running", reasons: [] });
    await relay.stop();
  });

  it("suffers while the broker takes no messages", async () => {
    const { relay, broker } = createRelayFixture();
    await relay.start();
    broker.block();
    expect(relay.health()).toMatchObject({ status: "degraded", reasons: ["the broker's flow control is on"] });
    broker.unblock();
    expect(relay.health().status).toBe("healthy");
    await relay.stop();
  });

  it("suffers while the database is away, without showing its credentials, until it is back", async () => {
    const { relay, repository, clock } = createRelayFixture();
    await relay.start();
    await clock.advance(100);
    repository.failNext("claim", unreachable, 200);
    await clock.advance(600_000);
    expect(relay.health()).toEqual({
      status: "degraded",
      state: "running",
      reasons: ["the database does not answer: STORE.UNREACHABLE: no connection to postgresql://***@db"],
    });
    await clock.advance(3_600_000);
    expect(relay.health().status).toBe("healthy");
    await relay.stop();
  });

  it("suffers, and is not bad, while all batches wait for the database to take their outcomes", async () => {
    const { relay, repository, clock, settle } = createRelayFixture({ batchSize: 1 });
    await storeEvents(repository, sampleDrafts(5));
    repository.failNext("recordCompleted", unreachable, 1_000);
    await relay.start();
    await clock.advance(600_000);
    expect(relay.health()).toMatchObject({
      status: "degraded",
      reasons: [expect.stringMatching(/^the database does not/)],
    });
    expect(await settle(relay.stop(), 1_000)).toEqual({ clean: false, abandoned: 2 });
  });

  it("is bad when the loop is stuck, and says for how long; good again when it goes on", async () => {
    const { relay, repository, clock, breathe } = createRelayFixture({ stallAfterMs: 20_000 });
    let answer: () => void = () => undefined;
    repository.onNext("claim", async (carryOut) => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return carryOut();
    });
    await relay.start();
    await clock.advance(20_000);
    expect(relay.health().status).toBe("healthy");
    await clock.advance(1_000);
    expect(relay.health()).toEqual({
      status: "unhealthy",
      state: "running",
      reasons: ["nothing has moved in the relay for 21 s"],
    });
    answer();
    await breathe();
    await clock.advance(10);
    expect(relay.health().status).toBe("healthy");
    await relay.stop();
  });
});

describe("an event whose work never ends", () => {
  it("keeps neither its neighbours' outcomes nor the relay", async () => {
    const { relay, repository, clock, logger, delivered } = createRelayFixture({
      steps: [(event, _context, next) => (event.aggregateId === "stuck" ? new Promise(() => undefined) : next())],
      stopTimeoutMs: 10,
    });
    await storeEvents(repository, [sampleDraft({ aggregateId: "stuck" }), ...sampleDrafts(5)]);
    await relay.start();
    await clock.advance(31_000);
    const statuses = repository.all().map(({ status }) => status);
    expect(statuses).toEqual(["pending", ...new Array(5).fill("completed")]);
    expect(relay.metrics()).toMatchObject({ published: 5, abandoned: 1 });
    expect(logger.alarms).toEqual([expect.stringMatching(/^events were still in work when their lease ran out/)]);
    await clock.advance(60_000);
    expect(delivered()).toHaveLength(5);
    expect(relay.health().status).toBe("healthy");
    const stopping = relay.stop();
    await clock.advance(10);
    expect(await stopping).toMatchObject({ clean: false });
  });
});

describe("the health of a relay that owns buckets", () => {
  /** A relay whose database can stop to answer, or to answer what is asked about ownership alone. */
  function setUp() {
    const { clock, repository, broker, publisher, logger, settle, until } = createRelayFixture();
    const outage: { of: "nothing" | "ownership" | "everything" } = { of: "nothing" };
    const unlessAway =
      <Request extends readonly unknown[], Answer>(
        run: (...request: Request) => Promise<Answer>,
        isOwnership = false,
      ) =>
      (...request: Request): Promise<Answer> =>
        outage.of === "everything" || (isOwnership && outage.of === "ownership")
          ? Promise.reject(unreachable)
          : run(...request);
    const { buckets } = repository;
    const guarded = {
      renew: unlessAway(buckets.renew, true),
      survey: unlessAway(buckets.survey, true),
      acquire: unlessAway(buckets.acquire, true),
      read: unlessAway(buckets.read),
      endSchedules: unlessAway(buckets.endSchedules),
      failedHeads: unlessAway(buckets.failedHeads),
    };
    const relay = createOutboxRelay({
      repository: { ...repository, buckets: { ...buckets, ...guarded } },
      publisher,
      clock,
      logger,
      fetch: ownedBuckets(),
      retry: { delayMs: () => 60_000 },
    });
    return { relay, clock, repository, broker, logger, outage, settle, until };
  }

  it("suffers while its buckets cannot be renewed, also when their leases are over, until they can", async () => {
    const { relay, clock, outage, settle } = setUp();
    await relay.start();
    await clock.advance(100);
    expect(relay.health()).toEqual({
      status: "healthy",
      state: "running",
      reasons: [],
      blockedKeys: 0,
      ownedBuckets: 64,
    });
    outage.of = "ownership";
    const reason =
      "the database, asked about buckets, does not answer: STORE.UNREACHABLE: no connection to postgresql://***@db";
    for (const passedMs of [15_000, 60_000, 3_600_000]) {
      await clock.advance(passedMs);
      expect(relay.health()).toMatchObject({ status: "degraded", state: "running", reasons: [reason] });
    }
    outage.of = "nothing";
    await clock.advance(20_000);
    expect(relay.health()).toEqual({
      status: "healthy",
      state: "running",
      reasons: [],
      blockedKeys: 0,
      ownedBuckets: 64,
    });
    await settle(relay.stop());
    expect(relay.health()).toEqual({ status: "unhealthy", state: "stopped", reasons: ["the relay is stopped"] });
  });

  it("does not take the database for healed, nor say so, when its leases are over and it has nothing to read", async () => {
    const { relay, clock, logger, outage, settle } = setUp();
    await relay.start();
    await clock.advance(100);
    outage.of = "everything";
    for (const passedMs of [20_000, 20_000, 600_000]) {
      await clock.advance(passedMs);
      expect(relay.health()).toMatchObject({
        status: "degraded",
        reasons: [
          expect.stringMatching(/^the database, asked about buckets, does not answer/),
          expect.stringMatching(/^the database does not answer/),
        ],
      });
    }
    outage.of = "nothing";
    await clock.advance(30_000);
    expect(relay.health()).toEqual({
      status: "healthy",
      state: "running",
      reasons: [],
      blockedKeys: 0,
      ownedBuckets: 64,
    });
    expect(logger.alarms).toEqual([
      expect.stringMatching(/^the database does not answer, trying on/),
      expect.stringMatching(/^the database, asked about buckets, does not answer, trying on/),
      "the database, asked about buckets, answers again",
      "the database answers again",
    ]);
    await settle(relay.stop());
  });

  it("counts the keys that stand still behind a failed event, and neither those that back off nor those that go on", async () => {
    const { relay, clock, repository, broker, settle, until } = setUp();
    const bad = (partitionKey: string, maxAttempts: number) =>
      sampleDraft({ partitionKey, maxAttempts, topic: "orders.bad" });
    const good = (partitionKey: string) => sampleDraft({ partitionKey });
    await storeEvents(repository, [bad("a", 1), good("a"), bad("b", 1), bad("c", 2), good("d")]);
    broker.nackNext(3, "orders.bad");
    await relay.start();
    await until(() => repository.all().filter(({ status }) => status === "failed").length === 2);
    await clock.advance(5_000);
    expect(relay.health()).toMatchObject({ status: "healthy", reasons: [], blockedKeys: 2 });
    await settle(relay.stop());
  });
});
