import { expect, it, vi } from "vitest";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft, storeEvents } from "../../test/sample-events.js";
import { ownedBuckets } from "../buckets/owned-buckets.js";
import { defaults } from "../defaults.js";
import { OmniBoxError } from "../errors/omni-box-error.js";

const ofKey = (aggregateId: string) => sampleDraft({ partitionKey: "k", aggregateId });

it.each([
  ["", false],
  [", and holds its key back also when the store's answer to that is lost", true],
])(
  "an event that has killed its process too often is failed with words that say what to do with it%s",
  async (_how, isLost) => {
    const onFailed = vi.fn();
    const { clock, repository, relay, logger, delivered, settle, until } = createRelayFixture({
      fetch: ownedBuckets(),
      onFailed,
    });
    const [event] = await storeEvents(repository, [ofKey("poison"), ofKey("behind")]);
    if (event === undefined) throw new Error("nothing was stored");
    // Two owners in a row die; the last one of them, in three lone starts.
    const { buckets } = repository;
    for (const owner of ["first", "second"]) {
      await buckets.acquire({ owner, leaseMs: 1_000, graceMs: 0, limit: defaults.bucketCount });
      await clock.advance(2_000);
    }
    const [own] = await buckets
      .acquire({ owner: "third", leaseMs: 1_000, graceMs: 0, limit: defaults.bucketCount })
      .then((acquired) => acquired.filter(({ bucket }) => bucket === event.bucket));
    const fence = { kind: "buckets", owner: "third", epochs: new Map([[event.bucket, own?.epoch ?? 0n]]) } as const;
    expect(await buckets.recordStarted(fence, event, defaults.loneStartsMax)).toEqual({ missing: [] });
    await clock.advance(2_000);

    if (isLost) {
      repository.onNext("recordFailed", async (carryOut) => {
        await carryOut();
        throw new OmniBoxError("STORE.TIMEOUT", "no answer");
      });
    }
    await relay.start();
    await until(() => repository.all().some(({ status }) => status === "failed"));
    const failed = await repository.findById(event.id);
    expect(failed?.lastError).toMatch(/^OUTBOX\.CRASHED: .*started 3 times alone/);
    for (const word of ["requeue", "skip", "purge", "npx omni-box events", "docs/dead-letters.md"]) {
      expect(failed?.lastError).toContain(word);
    }
    await clock.advance(10_000);
    if (isLost)
      expect(logger.alarms[0]).toMatch(/^it is not known whether an event has failed for good: OUTBOX\.CRASHED/);
    else expect(logger.alarms).toEqual([expect.stringContaining(failed?.lastError ?? "no error")]);
    expect(delivered()).toEqual([]);
    // An answer that is lost tells nobody; the row, the log of the next start and the health's blocked keys do.
    const told = isLost ? 0 : 1;
    expect(relay.metrics()).toMatchObject({ crashed: told, failed: told });
    expect(relay.health().blockedKeys).toBe(1);
    const failure = { code: "OUTBOX.CRASHED", message: failed?.lastError };
    expect(onFailed.mock.calls).toEqual(isLost ? [] : [[{ id: event.id, event: null, failure }]]);
    await settle(relay.stop());
  },
);
