import { describe, expect, it } from "vitest";
import { publisherWith } from "../../test/publisher-with.js";
import { aggregateIdOf, createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, storeEvents } from "../../test/sample-events.js";
import { type OwnedBucketsOptions, ownedBuckets } from "../buckets/owned-buckets.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { OutboxEventInput } from "../events/create-outbox-event.js";
import type { EventPublisher } from "../protocols/event-publisher.js";
import { silentLogger } from "../protocols/logger.js";
import { createOutboxRelay } from "./create-outbox-relay.js";
import type { OutboxRelayOptions } from "./relay-options.js";

type Publish = EventPublisher["publish"];

/** A relay whose publisher does as it is told; `tried` gets the aggregate ids in the order of the tries. */
function setUp(publish: Publish, options: OwnedBucketsOptions = {}, relayOptions: Partial<OutboxRelayOptions> = {}) {
  const tried: string[] = [];
  const { publisher } = publisherWith({
    publish: (message, given) => {
      tried.push(aggregateIdOf(message));
      return publish(message, given);
    },
  });
  return { tried, ...createRelayFixture({ publisher, fetch: ownedBuckets(options), ...relayOptions }) };
}

const ofKey = (partitionKey: string, aggregateId: string, changes: Partial<OutboxEventInput> = {}) =>
  sampleDraft({ partitionKey, aggregateId, ...changes });

const taken: Publish = () => Promise.resolve();

describe("a nack that comes while the outcomes of its batch are recorded, which had given it up", () => {
  it("does not leave its key waiting for ever", async () => {
    let nack: (error: unknown) => void = () => undefined;
    const { tried, clock, repository, relay, settle, until } = setUp((message) => {
      const isFirst = aggregateIdOf(message) === "k-1" && tried.filter((id) => id === "k-1").length === 1;
      return isFirst ? new Promise<void>((_, reject) => (nack = reject)) : Promise.resolve();
    });
    repository.onNext("recordCompleted", async (carryOut) => {
      await new Promise<void>((resolve) => void clock.schedule(2_000, resolve));
      return carryOut();
    });
    await storeEvents(repository, [ofKey("k", "k-1"), ofKey("k", "k-2"), ofKey("other", "other-1")]);
    await relay.start();
    await clock.advance(31_000);
    nack(new OmniBoxError("BROKER.NACKED", "refused"));
    await until(() => tried.includes("k-2"));
    expect(tried.slice(-2)).toEqual(["k-1", "k-2"]);
    await settle(relay.stop());
  });
});

describe("a broker that takes messages and confirms none", () => {
  it("is tried with one event at a time, though most events wait behind others", async () => {
    const { tried, clock, repository, logger, relay, settle } = setUp(
      () =>
        new Promise<void>((_, reject) =>
          clock.schedule(1_000, () => reject(new OmniBoxError("BROKER.PUBLISH_TIMEOUT", "no confirm"))),
        ),
    );
    await storeEvents(
      repository,
      Array.from({ length: 200 }, (_, index) => ofKey(`k-${index % 100}`, `order-${index}`)),
    );
    await relay.start();
    await clock.advance(30_000);
    const before = tried.length;
    await clock.advance(300_000);
    expect(tried.length - before).toBeGreaterThan(20);
    expect(tried.length - before).toBeLessThan(100);
    expect(new Set(tried.slice(before)).size).toBeGreaterThan(10);
    expect(logger.alarms).toHaveLength(1);
    await settle(relay.stop());
  });
});

describe("a scheduled event", () => {
  it.each(["BROKER.NACKED", "BROKER.CONNECTION_LOST"] as const)(
    "is not overtaken by later ones of its key once its time has come and it met %s",
    async (code) => {
      let failures = 0;
      const { tried, clock, repository, relay, settle, until } = setUp(
        (message) => {
          if (aggregateIdOf(message) !== "scheduled" || failures > 0) return Promise.resolve();
          failures += 1;
          return Promise.reject(new OmniBoxError(code, "no"));
        },
        {},
        { retry: { delayMs: () => 1_050 } },
      );
      await relay.start();
      await storeEvents(repository, [ofKey("k", "scheduled", { scheduledAt: new Date(clock.now() + 1_000) })]);
      await until(() => failures === 1);
      await storeEvents(repository, [ofKey("k", "k-1"), ofKey("k", "k-2")]);
      await until(() => tried.includes("k-2"));
      expect(tried).toEqual(["scheduled", "scheduled", "k-1", "k-2"]);
      await settle(relay.stop());
    },
  );
});

describe("a key with two failed events, the first of which somebody removes", () => {
  it.each([
    ["is answered", 0],
    ["is not answered at first", 1],
  ])("stands still behind the second, when the question which keys have failed events %s", async (_how, unanswered) => {
    const { clock, repository, publisher, tried, settle, until } = setUp(taken);
    const events = await storeEvents(
      repository,
      ["k-1", "k-2", "k-3", "k-4"].map((id) => ofKey("k", id)),
    );
    const [first, , third] = events;
    if (first === undefined || third === undefined) throw new Error("nothing was stored");
    const { buckets } = repository;
    const acquired = await buckets.acquire({ owner: "before", leaseMs: 60_000, graceMs: 0, limit: 64 });
    const epochs = new Map(acquired.map(({ bucket, epoch }) => [bucket, epoch]));
    const fence = { kind: "buckets", owner: "before", epochs } as const;
    const failed = [first, third].map(({ id, seq }) => ({ id, seq, attemptsMade: 1, error: "no" }));
    expect(await repository.recordFailed(fence, failed)).toEqual({ missing: [] });
    await buckets.release(fence);

    let isRemoved = false;
    let left = unanswered;
    const relay = createOutboxRelay({
      repository: {
        ...repository,
        buckets: {
          ...buckets,
          headStates: async (seqs) =>
            (await buckets.headStates(seqs)).filter(({ seq }) => !isRemoved || seq !== first.seq),
          async failedHeads(asked) {
            if (isRemoved && left > 0) {
              left -= 1;
              throw new OmniBoxError("STORE.TIMEOUT", "no answer");
            }
            return (await buckets.failedHeads(asked)).map((head) =>
              isRemoved && head.seq === first.seq ? { ...head, seq: third.seq } : head,
            );
          },
        },
      },
      publisher,
      clock,
      logger: silentLogger,
      fetch: ownedBuckets(),
    });
    await relay.start();
    // Before everything is read from the beginning for the first time.
    await clock.advance(100);
    expect(tried).toEqual([]);
    isRemoved = true;
    await until(() => tried.length > 0 && left === 0);
    await clock.advance(5_000);
    expect(tried).toEqual(["k-2"]);
    await settle(relay.stop());
  });
});

describe("events beyond many that have to wait", () => {
  it("are read nevertheless, though everything is read from the beginning now and then", async () => {
    const { tried, clock, repository, relay, settle, until } = setUp(
      (message) =>
        aggregateIdOf(message).startsWith("bad")
          ? Promise.reject(new OmniBoxError("BROKER.NACKED", "no"))
          : taken(message, { timeoutMs: 1 }),
      {},
      { batchSize: 10, retry: { delayMs: () => 3_600_000 } },
    );
    await storeEvents(
      repository,
      Array.from({ length: 600 }, (_, index) => ofKey(`bad-${index}`, `bad-${index}`)),
    );
    await relay.start();
    await until(() => tried.length === 600);
    await storeEvents(
      repository,
      Array.from({ length: 20 }, (_, index) => ofKey(`good-${index}`, `good-${index}`)),
    );
    await clock.advance(5_000);
    expect(tried.filter((id) => id.startsWith("good"))).toHaveLength(20);
    await settle(relay.stop());
  });
});

describe("drain()", () => {
  it("resolves only when nothing is due, also with a key of which no more may be in hand", async () => {
    const { clock, repository, broker, relay, settle } = createRelayFixture({
      fetch: ownedBuckets({ inFlightPerKey: 10 }),
      steps: [
        async (_event, _context, next) => {
          await new Promise<void>((resolve) => void clock.schedule(5, resolve));
          return next();
        },
      ],
    });
    await storeEvents(
      repository,
      Array.from({ length: 500 }, (_, index) => ofKey("k", `k-${index}`)),
    );
    await relay.start();
    await settle(relay.drain());
    expect(broker.messages("everything")).toHaveLength(500);
    await settle(relay.stop());
  });
});

describe("a claim with filters", () => {
  it("is refused: a bucket has one owner, which has to take all that is in it", async () => {
    const { repository, clock, logger } = createRelayFixture();
    const session = ownedBuckets().open(repository, { workerId: "w", clock, logger });
    await expect(session.fetch({ limit: 10, filters: { topics: ["orders"] } })).rejects.toThrow(
      /a bucket has one owner/,
    );
    await session.close();
  });
});
