import { expect, it } from "vitest";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, storeEvents } from "../../test/sample-events.js";
import { ownedBuckets } from "../buckets/owned-buckets.js";
import type { OutboxEventInput } from "../events/create-outbox-event.js";
import { partitionBucket } from "../events/partition-bucket.js";

const ofKey = (partitionKey: string, changes: Partial<OutboxEventInput> = {}) =>
  sampleDraft({ partitionKey, aggregateId: partitionKey, ...changes });

function keysOfOneBucket(count: number): string[] {
  const keys: string[] = [];
  for (let number = 0; keys.length < count; number += 1)
    if (partitionBucket(`key-${number}`, 64) === 0) keys.push(`key-${number}`);
  return keys;
}

it("what was added behind thousands of waiting heads keeps no other key waiting while a transaction is open", async () => {
  const [other = "", ...waitingKeys] = keysOfOneBucket(2_001);
  const { broker, relay, repository, delivered, settle, until, clock } = createRelayFixture({
    fetch: ownedBuckets(),
    retry: { delayMs: () => 60_000 },
  });
  broker.nackNext(waitingKeys.length, "orders.refused");
  await storeEvents(
    repository,
    waitingKeys.map((key) => ofKey(key, { topic: "orders.refused" })),
  );
  await relay.start();
  const refused = () => repository.all().filter(({ attemptsMade }) => attemptsMade > 0).length;
  await until(() => refused() === waitingKeys.length);
  await repository.transaction(async (tx) => {
    await repository.add(tx, [ofKey("late")]);
    await storeEvents(
      repository,
      waitingKeys.map((key) => ofKey(key)),
    );
    await storeEvents(repository, [ofKey(other)]);
    const sinceMs = clock.monotonicMs();
    relay.nudge();
    await until(() => delivered().length > 0);
    expect(delivered()).toEqual([other]);
    expect(clock.monotonicMs() - sinceMs).toBeLessThan(300);
  });
  await until(() => delivered().length === 2);
  await settle(relay.stop());
});

it("what was left out while a transaction is open is published in order when the head has been", async () => {
  const { broker, relay, repository, delivered, settle, until, clock } = createRelayFixture({
    fetch: ownedBuckets(),
    retry: { delayMs: () => 200 },
  });
  await relay.start();
  broker.nackNext(1, "orders.refused");
  await repository.transaction(async (tx) => {
    await repository.add(tx, [ofKey("late")]);
    await storeEvents(repository, [
      sampleDraft({ partitionKey: "k", aggregateId: "k-1", topic: "orders.refused" }),
      ...["k-2", "k-3", "k-4"].map((aggregateId) => sampleDraft({ partitionKey: "k", aggregateId })),
    ]);
    const sinceMs = clock.monotonicMs();
    relay.nudge();
    await until(() => delivered().length === 4);
    expect(clock.monotonicMs() - sinceMs).toBeLessThan(500);
  });
  expect(delivered()).toEqual(["k-1", "k-2", "k-3", "k-4"]);
  await settle(relay.stop());
});

it("an event that backs off in a suspect bucket keeps no other key waiting while a transaction is open", async () => {
  const { broker, relay, repository, delivered, settle, until, clock } = createRelayFixture({
    fetch: ownedBuckets(),
    retry: { delayMs: () => 60_000 },
  });
  const [refused = "", other = ""] = keysOfOneBucket(2);
  for (const owner of ["first", "second", "third"]) {
    await repository.buckets.acquire({ owner, leaseMs: 1_000, graceMs: 0, limit: 1 });
    await clock.advance(2_000);
  }
  await relay.start();
  broker.nackNext(1, "orders.refused");
  await repository.transaction(async (tx) => {
    await repository.add(tx, [ofKey("late")]);
    await storeEvents(repository, [ofKey(refused, { topic: "orders.refused" }), ofKey(other)]);
    const sinceMs = clock.monotonicMs();
    relay.nudge();
    await until(() => delivered().length === 1);
    expect(delivered()).toEqual([other]);
    expect(clock.monotonicMs() - sinceMs).toBeLessThan(500);
  });
  await settle(relay.stop());
});
