import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { publisherWith } from "../../test/publisher-with.js";
import { aggregateIdOf, createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, sampleDrafts, storeEvents } from "../../test/sample-events.js";
import { type OwnedBucketsOptions, ownedBuckets } from "../buckets/owned-buckets.js";
import type { OutboxEventInput } from "../events/create-outbox-event.js";
import { partitionBucket } from "../events/partition-bucket.js";
import type { OutgoingMessage } from "../protocols/event-publisher.js";
import { createOutboxRelay } from "./create-outbox-relay.js";
import type { OutboxRelayOptions } from "./relay-options.js";

function setUp(options: OwnedBucketsOptions = {}, relayOptions: Partial<OutboxRelayOptions> = {}) {
  return createRelayFixture({ fetch: ownedBuckets(options), ...relayOptions });
}

/** An event of the key, told apart by its aggregate. */
const ofKey = (partitionKey: string, aggregateId: string, changes: Partial<OutboxEventInput> = {}) =>
  sampleDraft({ partitionKey, aggregateId, ...changes });

const seqOf = ({ headers }: OutgoingMessage) => Number(headers["omni-seq"]);

/** Each key's messages, repetitions left out. */
function firstSeqsByKey(messages: readonly OutgoingMessage[]): Map<string, number[]> {
  const seqs = new Map<string, number[]>();
  for (const message of messages) {
    const known = seqs.get(message.partitionKey) ?? [];
    if (!known.includes(seqOf(message))) known.push(seqOf(message));
    seqs.set(message.partitionKey, known);
  }
  return seqs;
}

const inOrder = (seqs: readonly number[]) => seqs.every((seq, index) => index === 0 || (seqs[index - 1] ?? 0) < seq);

describe("the events of a key", () => {
  it("arrive in their order across batches, one at a time", async () => {
    let inFlight = 0;
    let most = 0;
    const { broker, relay, repository, settle } = setUp({}, { batchSize: 3 });
    const drafts = Array.from({ length: 20 }, (_, index) => ofKey("k", `order-${index}`));
    await storeEvents(repository, drafts);
    broker.subscribe("everything", () => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      queueMicrotask(() => {
        inFlight -= 1;
      });
    });
    await relay.start();
    await settle(relay.drain());
    expect(broker.messages("everything").map(aggregateIdOf)).toEqual(drafts.map(({ aggregateId }) => aggregateId));
    expect(most).toBe(1);
    await settle(relay.stop());
  });

  it.each([100, 5_000])(
    "are not overtaken by one that waited for a transaction open for %i ms, which others of their bucket overtake",
    async (openMs) => {
      const { broker, relay, repository, settle, until, clock } = setUp();
      const keys = Array.from({ length: 500 }, (_, index) => `key-${index}`);
      const [late = "", other = ""] = keys.filter((key) => partitionBucket(key, 64) === 0);
      await relay.start();
      await repository.transaction(async (tx) => {
        await repository.add(tx, [ofKey(late, "late-1")]);
        for (let passedMs = 0; passedMs < openMs; passedMs += 100) {
          await storeEvents(repository, [ofKey(other, "other")]);
          await clock.advance(100);
        }
      });
      await storeEvents(repository, [ofKey(late, "late-2")]);
      const ofLate = () => broker.messages("everything").filter(({ partitionKey }) => partitionKey === late);
      await until(() => ofLate().length === 2);
      expect(ofLate().map(aggregateIdOf)).toEqual(["late-1", "late-2"]);
      await settle(relay.stop());
    },
  );

  it("wait while their head is refused, and other keys do not", async () => {
    const { broker, relay, repository, delivered, settle, until } = setUp({}, { retry: { delayMs: () => 5_000 } });
    await storeEvents(repository, [
      ofKey("bad", "bad-1", { topic: "orders.bad" }),
      ofKey("good", "good-1"),
      ofKey("bad", "bad-2"),
      ofKey("good", "good-2"),
    ]);
    broker.nackNext(1, "orders.bad");
    await relay.start();
    await until(() => delivered().length === 2);
    expect(delivered()).toEqual(["good-1", "good-2"]);
    await until(() => delivered().length === 4);
    expect(delivered().slice(2)).toEqual(["bad-1", "bad-2"]);
    await settle(relay.stop());
  });

  it("wait behind one that has failed, until it is gone", async () => {
    const { broker, relay, repository, delivered, settle, until, clock } = setUp();
    const [bad] = await storeEvents(repository, [
      ofKey("k", "k-1", { maxAttempts: 1, topic: "orders.bad" }),
      ofKey("k", "k-2"),
      ofKey("other", "other-1"),
    ]);
    broker.nackNext(1, "orders.bad");
    await relay.start();
    await until(() => delivered().length === 1);
    await clock.advance(20_000);
    expect(delivered()).toEqual(["other-1"]);
    expect(bad && (await repository.findById(bad.id))?.status).toBe("failed");
    await settle(relay.stop());
  });

  it("are still blocked for a relay that is started later", async () => {
    const { broker, relay, repository, delivered, settle, until, clock } = setUp();
    await storeEvents(repository, [
      ofKey("k", "k-1", { maxAttempts: 1, topic: "orders.bad" }),
      ofKey("other", "other-1"),
    ]);
    broker.nackNext(1, "orders.bad");
    await relay.start();
    await until(() => delivered().length === 1);
    await settle(relay.stop());
    await storeEvents(repository, [ofKey("k", "k-2"), ofKey("other", "other-2")]);
    await relay.start();
    await until(() => delivered().length === 2);
    await clock.advance(10_000);
    expect(delivered()).toEqual(["other-1", "other-2"]);
    await settle(relay.stop());
  });

  it("go on past one that has failed, once that is recorded, when they are to skip", async () => {
    const { broker, relay, repository, delivered, settle } = setUp({ onFailedKey: "skip" });
    await storeEvents(repository, [
      ofKey("k", "k-1", { maxAttempts: 1, topic: "orders.bad" }),
      ofKey("k", "k-2"),
      ofKey("k", "k-3"),
    ]);
    broker.nackNext(1, "orders.bad");
    await relay.start();
    await settle(relay.drain());
    expect(delivered()).toEqual(["k-2", "k-3"]);
    await settle(relay.stop());
  });

  it("do not wait for one that is scheduled, which comes at its time", async () => {
    const { relay, repository, delivered, settle, until, clock } = setUp();
    const scheduledAt = new Date(clock.now() + 60_000);
    await storeEvents(repository, [ofKey("k", "later", { scheduledAt }), ofKey("k", "now")]);
    await relay.start();
    await until(() => delivered().length === 1);
    expect(delivered()).toEqual(["now"]);
    await clock.advance(58_000);
    expect(delivered()).toEqual(["now"]);
    await clock.advance(4_000);
    expect(delivered()).toEqual(["now", "later"]);
    await settle(relay.stop());
  });

  it("are published also when one was committed after others with a greater seq", async () => {
    const { relay, repository, delivered, settle, until } = setUp();
    let commit: () => void = () => undefined;
    const open = repository.transaction(async (tx) => {
      await repository.add(tx, [ofKey("slow", "slow-1")]);
      await new Promise<void>((resolve) => {
        commit = resolve;
      });
    });
    await storeEvents(repository, [ofKey("fast", "fast-1")]);
    await relay.start();
    await until(() => delivered().length === 1);
    commit();
    await open;
    await until(() => delivered().length === 2);
    expect(delivered()).toEqual(["fast-1", "slow-1"]);
    await settle(relay.stop());
  });

  it("may be several in flight when the risk is taken", async () => {
    const { broker, relay, repository, settle, until } = setUp({ inFlightPerKey: 4 });
    await storeEvents(
      repository,
      Array.from({ length: 8 }, (_, index) => ofKey("k", `k-${index}`)),
    );
    broker.holdConfirms();
    await relay.start();
    await until(() => broker.messages("everything").length === 4);
    broker.releaseConfirms();
    await settle(relay.drain());
    expect(broker.messages("everything").map(aggregateIdOf)).toEqual(
      Array.from({ length: 8 }, (_, index) => `k-${index}`),
    );
    await settle(relay.stop());
  });
});

describe("an outage of the broker", () => {
  it("writes nothing, and the keys go on in order", async () => {
    const { broker, relay, repository, settle, until, clock } = setUp();
    const drafts = Array.from({ length: 30 }, (_, index) => ofKey(`k-${index % 5}`, `order-${index}`));
    await relay.start();
    broker.disconnect();
    await storeEvents(repository, drafts);
    await clock.advance(30_000);
    expect(repository.statements.filter((statement) => statement.startsWith("record"))).toEqual([]);
    broker.reconnect();
    await until(() => broker.messages("everything").length >= 30);
    await settle(relay.drain());
    for (const seqs of firstSeqsByKey(broker.messages("everything")).values()) expect(inOrder(seqs)).toBe(true);
    expect(repository.all().every(({ status, attemptsMade }) => status === "completed" && attemptsMade === 0)).toBe(
      true,
    );
    await settle(relay.stop());
  });
});

describe("an event whose work never ends", () => {
  it("keeps its key waiting, and neither its neighbours nor their outcomes", async () => {
    const never = new Promise<void>(() => undefined);
    const { publisher } = publisherWith({
      publish: (message) => (aggregateIdOf(message) === "hangs" ? never : Promise.resolve()),
    });
    const { relay, repository, settle, clock } = setUp({ leaseMs: 20_000 }, { publisher });
    await storeEvents(repository, [ofKey("k", "hangs"), ofKey("k", "behind"), ...sampleDrafts(3)]);
    await relay.start();
    await clock.advance(25_000);
    const statusOf = (id: string) => repository.all().find(({ aggregateId }) => aggregateId === id)?.status;
    expect(sampleDrafts(3).map(({ aggregateId }) => statusOf(aggregateId))).toEqual(Array(3).fill("completed"));
    expect([statusOf("hangs"), statusOf("behind")]).toEqual(["pending", "pending"]);
    await settle(relay.stop());
  });
});

describe("several relays", () => {
  it("share the buckets, and take over in order when one of them stops or vanishes", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.oneof(
            fc.record({
              kind: fc.constant("add" as const),
              key: fc.integer({ min: 0, max: 5 }),
              count: fc.integer({ min: 1, max: 8 }),
            }),
            fc.record({
              kind: fc.constantFrom("start" as const, "stop" as const),
              relay: fc.integer({ min: 0, max: 2 }),
            }),
            fc.record({ kind: fc.constant("nack" as const), count: fc.integer({ min: 1, max: 5 }) }),
            fc.record({ kind: fc.constant("cut" as const) }),
            fc.record({ kind: fc.constant("reconnect" as const) }),
            fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 9_000 }) }),
          ),
          { minLength: 5, maxLength: 40 },
        ),
        async (schedule) => {
          const { broker, clock, repository, logger, settle, until } = createRelayFixture();
          const relays = Array.from({ length: 3 }, () =>
            createOutboxRelay({
              repository,
              publisher: broker.publisher(),
              clock,
              logger,
              batchSize: 5,
              publishTimeoutMs: 1_000,
              retry: { delayMs: (attempt) => attempt * 50 },
              fetch: ownedBuckets({ leaseMs: 3_000 }),
            }),
          );
          let added = 0;
          for (const action of schedule) {
            if (action.kind === "add") {
              const drafts = Array.from({ length: action.count }, () =>
                ofKey(`k-${action.key}`, `order-${added++}`, { maxAttempts: 1_000 }),
              );
              await storeEvents(repository, drafts);
            } else if (action.kind === "start") await settle(Promise.resolve(relays[action.relay]?.start()));
            else if (action.kind === "stop") await settle(Promise.resolve(relays[action.relay]?.stop()));
            else if (action.kind === "nack") broker.nackNext(action.count);
            else if (action.kind === "cut") broker.disconnect();
            else if (action.kind === "reconnect") broker.reconnect();
            else if (action.kind === "wait") await clock.advance(action.ms);
          }
          broker.reconnect();
          await settle(Promise.resolve(relays[0]?.start()));
          await until(() => repository.all().every(({ status }) => status === "completed"));
          const bySeq = firstSeqsByKey(broker.messages("everything"));
          expect([...bySeq.values()].flat()).toHaveLength(added);
          for (const seqs of bySeq.values()) expect(inOrder(seqs)).toBe(true);
          for (const relay of relays) await settle(relay.stop());
        },
      ),
      { numRuns: 30 },
    );
  });
});
