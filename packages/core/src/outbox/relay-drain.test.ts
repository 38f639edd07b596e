import { describe, expect, it } from "vitest";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, storeEvents } from "../../test/sample-events.js";
import { ownedBuckets } from "../buckets/owned-buckets.js";
import { leased } from "../processor/leased.js";

const ofKey = (aggregateId: string) => sampleDraft({ partitionKey: "k", aggregateId });
const retryAfterMs = 20_000;

/** A relay that has put the first of two events of a key off. */
async function withBackingOff(fetch = ownedBuckets()) {
  const fixture = createRelayFixture({ fetch, retry: { delayMs: () => retryAfterMs } });
  const { repository, broker, relay, until } = fixture;
  const [head] = await storeEvents(repository, [ofKey("k-1"), ofKey("k-2")]);
  if (head === undefined) throw new Error("nothing was stored");
  broker.nackNext(1);
  await relay.start();
  await until(() => repository.all().some(({ nextAttemptAt }) => nextAttemptAt !== null));
  const dueMs = async () => (await repository.findById(head.id))?.nextAttemptAt?.getTime() ?? 0;
  return { ...fixture, dueMs: await dueMs() };
}

describe("drain() with a key whose head backs off", () => {
  it.each([1, 100, 200, 300, 400, 500, 600, 700, 800, 900])(
    "publishes what became due %s ms ago, also when somebody else has put it off",
    async (agoMs) => {
      const { relay, clock, delivered, dueMs, settle } = await withBackingOff();
      await settle(relay.stop());
      await relay.start();
      await clock.advance(dueMs + agoMs - clock.now());
      await settle(relay.drain());
      expect(delivered()).toEqual(["k-1", "k-2"]);
      await settle(relay.stop());
    },
  );

  it.each([
    ["ownedBuckets", ownedBuckets()],
    ["leased", leased()],
  ])("does not wait for what is not due: %s", async (_name, fetch) => {
    const { relay, clock, settle } = await withBackingOff(fetch);
    const startedAt = clock.monotonicMs();
    await settle(relay.drain());
    expect(clock.monotonicMs() - startedAt).toBeLessThan(1_000);
    await settle(relay.stop());
  });
});

describe("drain() with an event whose schedule has ended", () => {
  it.each([1, 40, 80, 120, 160, 199])("publishes what became due %s ms ago", async (agoMs) => {
    const { relay, repository, clock, delivered, settle } = createRelayFixture({
      fetch: ownedBuckets(),
      pollMaxMs: 20,
    });
    const scheduledAt = new Date(clock.now() + 5_077);
    await storeEvents(repository, [sampleDraft({ aggregateId: "reminder", scheduledAt })]);
    await relay.start();
    await clock.advance(5_077 + agoMs);
    await settle(relay.drain());
    expect(delivered()).toEqual(["reminder"]);
    await settle(relay.stop());
  });
});
