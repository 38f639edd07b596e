import { describe, expect, it } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { publisherWith } from "../../test/publisher-with.js";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { ownedBuckets } from "../buckets/owned-buckets.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { FetchStrategy } from "../processor/fetch-strategy.js";
import { filtered } from "../processor/filtered.js";
import { leased } from "../processor/leased.js";
import { optimistic } from "../processor/optimistic.js";
import type { PublishOptions } from "../protocols/event-publisher.js";
import { createOutboxRelay } from "./create-outbox-relay.js";

type Fixture = ReturnType<typeof createRelayFixture>;

describe("start", () => {
  it("begins to relay", async () => {
    const { relay, repository, delivered, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(3));
    expect(relay.state).toBe("stopped");
    await relay.start();
    expect(relay.state).toBe("running");
    await settle(relay.drain());
    expect(delivered()).toEqual(["order-1", "order-2", "order-3"]);
    expect(repository.all().every(({ status }) => status === "completed")).toBe(true);
    await relay.stop();
  });

  it("is idempotent, also while it is under way: one loop, one check", async () => {
    const { relay, repository, clock, settle } = createRelayFixture();
    const [first, second] = [relay.start(), relay.start()];
    expect(relay.state).toBe("starting");
    await Promise.all([first, second]);
    await relay.start();
    expect(repository.statements.filter((method) => method === "verify")).toHaveLength(1);
    await clock.advance(9);
    expect(repository.statements.filter((method) => method === "claim")).toHaveLength(1);
    await settle(relay.stop());
  });

  it("reports everything that is missing in one error: tables, settings, and the broker's topology", async () => {
    const mismatch = new OmniBoxError("CONFIG.TOPOLOGY_MISMATCH", 'there is no exchange "events": create it');
    const { publisher, calls } = publisherWith({ start: () => Promise.reject(mismatch) });
    const { relay, repository } = createRelayFixture({ publisher });
    repository.onNext("verify", async () => ["the table outbox_event is missing", "the bucket count is 32"]);
    await expect(relay.start()).rejects.toMatchObject({
      code: "CONFIG.STORE_NOT_READY",
      message: expect.stringMatching(
        /outbox_event is missing; the bucket count is 32; .*there is no exchange "events"/,
      ),
      meta: { problems: ["the table outbox_event is missing", "the bucket count is 32", mismatch.message] },
    });
    expect(relay.state).toBe("stopped");
    expect(calls).toEqual(["start", "stop 0"]);
    expect(repository.statements).toEqual(["verify"]);
  });

  it("does not lose a foreign error of the publisher when tables are missing too", async () => {
    const { publisher } = publisherWith({ start: () => Promise.reject(new Error("bad url amqp://u:secret@h")) });
    const { relay, repository } = createRelayFixture({ publisher });
    repository.onNext("verify", async () => ["the table is missing"]);
    await expect(relay.start()).rejects.toMatchObject({
      code: "CONFIG.STORE_NOT_READY",
      message: expect.stringContaining("the table is missing; bad url amqp://***@h"),
    });
  });

  it("rejects with the publisher's own error when only that is wrong", async () => {
    const mismatch = new OmniBoxError("CONFIG.TOPOLOGY_MISMATCH", "x");
    const { publisher, calls } = publisherWith({ start: () => Promise.reject(mismatch) });
    const { relay } = createRelayFixture({ publisher });
    await expect(relay.start()).rejects.toBe(mismatch);
    expect([relay.state, calls]).toEqual(["stopped", ["start", "stop 0"]]);
  });

  it("rejects with the database's error when it does not answer, and can be tried again", async () => {
    const { relay, repository, settle } = createRelayFixture();
    const unreachable = new OmniBoxError("STORE.UNREACHABLE", "x");
    repository.failNext("verify", unreachable);
    await expect(relay.start()).rejects.toBe(unreachable);
    expect(relay.state).toBe("stopped");
    await relay.start();
    expect(relay.state).toBe("running");
    await settle(relay.stop());
  });

  it("rejects with what was wrong even when the publisher cannot be stopped either", async () => {
    const mismatch = new OmniBoxError("CONFIG.TOPOLOGY_MISMATCH", "x");
    const { publisher } = publisherWith({
      start: () => Promise.reject(mismatch),
      stop: () => Promise.reject(new Error("stop")),
    });
    const { relay } = createRelayFixture({ publisher });
    await expect(relay.start()).rejects.toBe(mismatch);
    expect(relay.state).toBe("stopped");
  });

  it("does not fail over a broker that cannot be reached", async () => {
    const { relay, broker, repository, delivered, settle } = createRelayFixture();
    broker.disconnect();
    await storeEvents(repository, sampleDrafts(1));
    await relay.start();
    expect(relay.state).toBe("running");
    broker.reconnect();
    await settle(relay.drain());
    expect(delivered()).toEqual(["order-1"]);
    await relay.stop();
  });
});

describe("a relay that has stopped", () => {
  it("can be started again, and relays what came in between", async () => {
    const { relay, repository, delivered, settle } = createRelayFixture();
    for (let round = 1; round <= 3; round += 1) {
      await storeEvents(repository, [sampleDraft({ aggregateId: `order-${round}` })]);
      await relay.start();
      await settle(relay.drain());
      expect(await relay.stop()).toEqual({ clean: true, abandoned: 0 });
    }
    expect(delivered()).toEqual(["order-1", "order-2", "order-3"]);
    expect(relay.metrics().published).toBe(3);
  });

  it("starts again only when it has stopped completely, when it is told to while stopping", async () => {
    const { relay, broker, repository, clock, breathe, settle } = createRelayFixture();
    await storeEvents(repository, sampleDrafts(1));
    broker.holdConfirms();
    await relay.start();
    await breathe();
    const stopping = relay.stop();
    const starting = relay.start();
    await clock.advance(100);
    expect(relay.state).toBe("stopping");
    broker.releaseConfirms();
    expect(await stopping).toEqual({ clean: true, abandoned: 0 });
    await starting;
    expect(relay.state).toBe("running");
    await settle(relay.stop());
  });

  it("is what the last call asked for, however the calls overlap", async () => {
    const { relay, clock } = createRelayFixture();
    await relay.start();
    await Promise.all([relay.stop(), relay.start(), relay.stop()]);
    await clock.advance(0);
    expect([relay.state, clock.pendingTimers]).toEqual(["stopped", 0]);
    await Promise.all([relay.start(), relay.stop(), relay.start()]);
    expect(relay.state).toBe("running");
    await Promise.all([relay.start(), relay.stop(), relay.start(), relay.stop(), relay.stop()]);
    await clock.advance(0);
    expect([relay.state, clock.pendingTimers]).toEqual(["stopped", 0]);
  });
});

describe("await using", () => {
  it("stops the relay at the end of the block, also when the block fails", async () => {
    const { relay, clock } = createRelayFixture();
    const work = async () => {
      await using running = relay;
      await running.start();
      expect(running.state).toBe("running");
      throw new Error("the block failed");
    };
    await expect(work()).rejects.toThrow("the block failed");
    expect([relay.state, clock.pendingTimers]).toEqual(["stopped", 0]);
  });
});

describe("several relays over one table", () => {
  it("publish every event once between them", async () => {
    const fixture = createRelayFixture({ batchSize: 3 });
    const { clock, repository, broker, logger, delivered, settle } = fixture;
    const publisher = broker.publisher();
    const other = createOutboxRelay({ repository, publisher, clock, logger, fetch: leased(), batchSize: 3 });
    await storeEvents(repository, sampleDrafts(100));
    await Promise.all([fixture.relay.start(), other.start()]);
    await settle(Promise.all([fixture.relay.drain(), other.drain()]));
    expect([...delivered()].sort()).toEqual(
      sampleDrafts(100)
        .map(({ aggregateId }) => aggregateId)
        .sort(),
    );
    expect(fixture.relay.metrics().published).toBeGreaterThan(0);
    expect(other.metrics().published).toBeGreaterThan(0);
    await Promise.all([fixture.relay.stop(), other.stop()]);
  });

  it("have names of their own when they are given none", async () => {
    const names = new Set<unknown>();
    for (let index = 0; index < 3; index += 1) {
      const { relay, repository, breathe, settle } = createRelayFixture();
      await relay.start();
      await breathe();
      const claim = repository.calls.find(({ method }) => method === "claim");
      names.add((claim?.args as [{ readonly workerId: string }] | undefined)?.[0].workerId);
      await settle(relay.stop());
    }
    expect(names.size).toBe(3);
    for (const name of names) expect(name).toMatch(new RegExp(`:${process.pid}:[0-9a-f]{8}$`));
  });
});

describe("relays of one table with different strategies", () => {
  async function startBeside(
    first: FetchStrategy,
    second: FetchStrategy,
    meanwhile?: (fixture: Fixture) => Promise<void>,
  ) {
    const fixture = createRelayFixture({ fetch: first });
    const { relay, repository, broker, clock, settle } = fixture;
    await settle(relay.start());
    await clock.advance(100);
    await meanwhile?.(fixture);
    const logger = captureLogger();
    const other = createOutboxRelay({ repository, publisher: broker.publisher(), clock, logger, fetch: second });
    await settle(other.start());
    await clock.advance(60_000);
    await settle(Promise.all([relay.stop(), other.stop()]));
    return logger.alarms;
  }
  const warning = expect.stringMatching(/^other workers own buckets of this table, .* works with .*Use one strategy/);

  it.each([
    ["leased", leased()],
    ["optimistic", optimistic()],
    ["filtered", filtered(leased(), { topics: ["orders.placed"] })],
  ])("are warned of, once, when one starts with %s beside one that owns buckets", async (_name, second) => {
    expect(await startBeside(ownedBuckets(), second)).toEqual([warning]);
  });

  it.each([
    ["own buckets", ownedBuckets(), ownedBuckets()],
    ["lease rows", leased(), leased()],
    ["lease rows, or one by one", leased(), optimistic()],
  ])("are not warned of when all %s", async (_name, first, second) => {
    expect(await startBeside(first, second)).toEqual([]);
  });

  it("are not warned of when the one that owned buckets has been stopped, or killed a lease ago", async () => {
    const stopped = startBeside(ownedBuckets(), leased(), ({ relay, settle }) =>
      settle(relay.stop()).then(() => undefined),
    );
    expect(await stopped).toEqual([]);
    const killed = startBeside(leased(), leased(), async ({ repository, clock }) => {
      await repository.buckets.acquire({ owner: "killed", leaseMs: 30_000, graceMs: 0, limit: 64 });
      await repository.buckets.renew({ kind: "buckets", owner: "killed", epochs: new Map() }, 30_000);
      await clock.advance(31_000);
    });
    expect(await killed).toEqual([]);
  });

  it("start all the same when it cannot be found out", async () => {
    const { repository, publisher, clock, logger, settle } = createRelayFixture();
    const survey = () => Promise.reject(new OmniBoxError("STORE.ACCESS_DENIED", "no right to SELECT on outbox_worker"));
    const buckets = { ...repository.buckets, survey };
    const relay = createOutboxRelay({
      repository: { ...repository, buckets },
      publisher,
      clock,
      logger,
      fetch: leased(),
    });
    await settle(relay.start());
    expect([relay.state, logger.alarms]).toEqual(["running", []]);
    await settle(relay.stop());
  });
});

it("the publisher is told how long others wait before they take over", async () => {
  const told: PublishOptions[] = [];
  const { publisher } = publisherWith({ publish: async (_message, options) => void told.push(options) });
  const fetch = ownedBuckets({ takeoverGraceMs: 7_000 });
  const { relay, repository, settle } = createRelayFixture({ fetch, publisher });
  await storeEvents(repository, sampleDrafts(1));
  await relay.start();
  await settle(relay.drain());
  expect(told).toMatchObject([{ timeoutMs: 10_000, takeoverGraceMs: 7_000 }]);
  await settle(relay.stop());
});
