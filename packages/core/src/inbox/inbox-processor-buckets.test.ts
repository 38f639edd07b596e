import { describe, expect, it } from "vitest";
import { createGate } from "../../test/gate.js";
import { createInboxFixture, keyed } from "../../test/inbox-fixture.js";
import { createInboxProcessorFixture, forEver, inboxRow } from "../../test/inbox-processor-fixture.js";
import { type OwnedBucketsOptions, ownedBuckets } from "../buckets/owned-buckets.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { PermanentError } from "../errors/permanent-error.js";
import { outcome } from "../pipeline/outcome.js";
import { createProcessorBuilder } from "../processor/create-processor-builder.js";
import type { FetchStrategy } from "../processor/fetch-strategy.js";
import { filtered } from "../processor/filtered.js";
import { leased } from "../processor/leased.js";
import { createEventRouter } from "../routing/create-event-router.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import type { MemoryTransaction } from "../testing/memory-transaction.js";
import { handleWith } from "./handle-stored.js";

type Fixture = ReturnType<typeof createInboxProcessorFixture>;

const leaseMs = 2_000;
const owning = (options: OwnedBucketsOptions = {}) => ({ fetch: ownedBuckets({ leaseMs, ...options }) });

/** Messages of the keys in turn, named `<key>-<number>`. */
function rowsOf(keys: readonly string[], perKey: number, consumerGroup = "shipping") {
  return Array.from({ length: perKey }, (_, number) => number + 1).flatMap((number) =>
    keys.map((partitionKey) => inboxRow(`${partitionKey}-${number}`, { partitionKey, consumerGroup })),
  );
}

const keyOf = (messageId: string) => messageId.split("-")[0] ?? "";

/** What the effects of each key were, in their order. */
function byKey(effects: readonly string[]): Record<string, string[]> {
  const keys: Record<string, string[]> = {};
  for (const effect of effects) keys[keyOf(effect)] = [...(keys[keyOf(effect)] ?? []), effect];
  return keys;
}

/** The effects of all keys, each once and in order. */
function inOrder(keys: readonly string[], perKey: number): Record<string, string[]> {
  return Object.fromEntries(
    keys.map((key) => [key, Array.from({ length: perKey }, (_, index) => `${key}-${index + 1}`)]),
  );
}

const manyKeys = Array.from({ length: 40 }, (_, index) => `k${index}`);

/** How many buckets of the group each worker owns. */
async function sharesOf({ inbox }: Fixture, consumerGroup = "shipping"): Promise<number[]> {
  const survey = await inbox.bucketsOf?.(consumerGroup).survey(0);
  return (survey?.workers ?? []).map(({ owned }) => owned).sort((a, b) => a - b);
}

describe("an inbox processor that owns buckets", () => {
  it("handles the events of each key in order, one at a time, and keys beside each other, without claiming any", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store(...rowsOf(["a", "b", "c"], 20));
    const atWork: string[] = [];
    let most = 0;
    const { processor, repository } = fixture.process(async (id) => {
      expect(atWork.map(keyOf)).not.toContain(keyOf(id));
      atWork.push(id);
      most = Math.max(most, atWork.length);
      await fixture.after(5);
      atWork.splice(atWork.indexOf(id), 1);
    }, owning());
    await processor.start();
    await fixture.settle(processor.drain());
    expect(byKey(fixture.effects)).toEqual(inOrder(["a", "b", "c"], 20));
    expect(most).toBe(3);
    expect(repository.statements).not.toContain("claim");
    expect(repository.statements).not.toContain("recordCompleted");
    expect(await fixture.settle(processor.stop())).toEqual({ clean: true, abandoned: 0 });
    expect(await sharesOf(fixture)).toEqual([]);
  });

  it("completes an event under the fence of its own bucket alone", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store(...rowsOf(manyKeys, 1));
    const { processor, repository } = fixture.process(undefined, owning());
    await processor.start();
    await fixture.settle(processor.drain());
    const fences = repository.calls
      .filter(({ statement }) => statement === "complete")
      .map(({ args: [fence] }) => fence);
    expect(fences).toHaveLength(manyKeys.length);
    for (const fence of fences) expect(fence).toMatchObject({ kind: "buckets", epochs: { size: 1 } });
    await fixture.settle(processor.stop());
  });

  it("shares the buckets with the others of its group, and the keys stay in order while they come and go", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store(...rowsOf(manyKeys, 10));
    const handle = () => fixture.after(20);
    const first = fixture.process(handle, owning());
    await first.processor.start();
    await fixture.until(() => fixture.effects.length > 50);
    const [second, third] = [fixture.process(handle, owning()), fixture.process(handle, owning())];
    await Promise.all([second.processor.start(), third.processor.start()]);
    await fixture.clock.advance(leaseMs * 2);
    expect(await sharesOf(fixture)).toEqual([21, 21, 22]);
    await fixture.store(...rowsOf(manyKeys, 15).filter(({ draft }) => Number(draft.messageId.split("-")[1]) > 10));
    await fixture.settle(first.processor.stop());
    await fixture.clock.advance(leaseMs * 2);
    expect(await sharesOf(fixture)).toEqual([32, 32]);
    await fixture.settle(Promise.all([second.processor.drain(), third.processor.drain()]));
    expect(byKey(fixture.effects)).toEqual(inOrder(manyKeys, 15));
    await fixture.settle(Promise.all([second.processor.stop(), third.processor.stop()]));
  });

  it("loses and doubles nothing when another one is killed in the middle of its handlers", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store(...rowsOf(manyKeys, 10));
    const handle = () => fixture.after(20);
    const [victim, survivor] = [fixture.process(handle, owning()), fixture.process(handle, owning())];
    await victim.processor.start();
    await fixture.until(() => fixture.effects.length > 30);
    victim.repository.kill();
    const known = fixture.effects.length;
    await survivor.processor.start();
    // Nothing is owned by the survivor before the victim's lease has ended.
    await fixture.clock.advance(leaseMs / 2);
    expect(fixture.effects).toHaveLength(known);
    await fixture.until(() => fixture.effects.length === manyKeys.length * 10);
    expect(byKey(fixture.effects)).toEqual(inOrder(manyKeys, 10));
    await fixture.settle(survivor.processor.stop());
  });

  it("neither sees nor disturbs the other groups of the table", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store(...rowsOf(["a"], 3), ...rowsOf(["b"], 3, "billing"), ...rowsOf(["c"], 3, "billing"));
    const shipping = fixture.process(undefined, owning());
    await shipping.processor.start();
    await fixture.settle(shipping.processor.drain());
    expect(fixture.effects).toEqual(["a-1", "a-2", "a-3"]);
    expect(fixture.row("b-1")).toMatchObject({ status: "pending" });
    const handled: string[] = [];
    const billing = fixture.process(
      async (id) => {
        handled.push(id);
        if (id === "b-1") throw new PermanentError("never");
      },
      { ...owning(), consumerGroup: "billing" },
    );
    await billing.processor.start();
    await fixture.settle(billing.processor.drain());
    expect(await sharesOf(fixture)).toEqual([64]);
    expect(await sharesOf(fixture, "billing")).toEqual([64]);
    expect(handled.sort()).toEqual(["b-1", "c-1", "c-2", "c-3"]);
    // A key that stands still in one group stands still in that group alone.
    await fixture.store(...rowsOf(["b"], 1));
    await fixture.settle(shipping.processor.drain());
    expect(fixture.effects.at(-1)).toBe("b-1");
    await fixture.settle(Promise.all([shipping.processor.stop(), billing.processor.stop()]));
  });

  it("holds a key back behind an event that is tried again, and goes on with the others", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store(...rowsOf(["a", "b"], 3));
    let failures = 0;
    const { processor } = fixture.process(
      async (id) => {
        if (id !== "a-1" || failures === 2) return;
        failures += 1;
        throw new Error("not yet");
      },
      { ...owning(), retry: { delayMs: () => 3_000 } },
    );
    await processor.start();
    await fixture.clock.advance(1_000);
    expect(fixture.effects).toEqual(["b-1", "b-2", "b-3"]);
    await fixture.until(() => fixture.effects.length === 6);
    expect(fixture.effects.slice(3)).toEqual(["a-1", "a-2", "a-3"]);
    expect(fixture.row("a-1")).toMatchObject({ status: "completed", attemptsMade: 2 });
    await fixture.settle(processor.stop());
  });

  it("holds a key back behind a failed event, unless it is told to skip that", async () => {
    for (const [onFailedKey, expected] of [
      ["block", ["b-1", "b-2"]],
      ["skip", ["a-2", "b-1", "b-2"]],
    ] as const) {
      const fixture = createInboxProcessorFixture();
      await fixture.store(...rowsOf(["a", "b"], 2));
      const handle = async (id: string) => {
        if (id === "a-1") throw new PermanentError("never");
      };
      const { processor } = fixture.process(handle, owning({ onFailedKey }));
      await processor.start();
      await fixture.clock.advance(5_000);
      expect([...fixture.effects].sort()).toEqual(expected);
      expect(fixture.row("a-1").status).toBe("failed");
      expect(processor.health()).toMatchObject({ status: "healthy", blockedKeys: onFailedKey === "block" ? 1 : 0 });
      await fixture.settle(processor.stop());
    }
  });

  it("lets handlers take longer than the lease, which is renewed meanwhile", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store("slow", "quick");
    const aborted: boolean[] = [];
    const { processor } = fixture.process(async (id, { signal }) => {
      if (id === "slow") await fixture.after(leaseMs * 5);
      aborted.push(signal.aborted);
    }, owning());
    const other = fixture.process(undefined, owning());
    await processor.start();
    await fixture.clock.advance(10);
    await other.processor.start();
    await fixture.until(() => fixture.effects.length === 2);
    await fixture.settle(processor.drain());
    expect(fixture.effects).toEqual(["quick", "slow"]);
    expect(aborted).toEqual([false, false]);
    expect(processor.metrics()).toMatchObject({ completed: 2, leasesLost: 0 });
    await fixture.settle(Promise.all([processor.stop(), other.processor.stop()]));
  });

  it("applies nothing when its bucket has been taken over, and stops the handlers of what is lost", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store("m1");
    const paused = createGate();
    let wasAborted = false;
    const stale = fixture.process(async (_id, { signal }) => {
      await paused.opened;
      wasAborted = signal.aborted;
    }, owning());
    await stale.processor.start();
    await fixture.clock.advance(10);
    // Its database does not answer what is asked about buckets, and nothing else fails.
    const unreachable = new OmniBoxError("STORE.UNREACHABLE", "no connection");
    for (const statement of ["renew", "survey", "read", "headStates", "failedHeads", "endSchedules"] as const) {
      stale.repository.failNext(statement, unreachable, 10_000);
    }
    const successor = fixture.process(undefined, owning());
    await successor.processor.start();
    await fixture.until(() => fixture.effects.length === 1);
    expect(stale.processor.health()).toMatchObject({
      status: "degraded",
      reasons: expect.arrayContaining([expect.stringMatching(/asked about buckets, does not answer/)]),
    });
    paused.open();
    await fixture.clock.advance(1_000);
    expect(wasAborted).toBe(true);
    expect(fixture.effects).toEqual(["m1"]);
    expect(fixture.row("m1")).toMatchObject({ status: "completed", attemptsMade: 0 });
    await fixture.settle(Promise.all([stale.processor.stop(), successor.processor.stop()]));
  });

  it("gives an event that it could not complete under its fence back unspent, and never applies it twice", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store(...rowsOf(["a"], 2));
    const { processor, repository } = fixture.process(undefined, owning());
    repository.onNext("complete", async () => false);
    repository.loseAnswerOfNext("commit", new OmniBoxError("STORE.UNREACHABLE", "no connection"));
    await processor.start();
    await fixture.settle(processor.drain());
    expect(fixture.effects).toEqual(["a-1", "a-2"]);
    expect(fixture.row("a-1")).toMatchObject({ status: "completed", attemptsMade: 0 });
    await fixture.settle(processor.stop());
  });

  it("leaves what is still in work at a stop to the lease of its bucket", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store("hangs", "quick");
    const first = fixture.process((id) => (id === "hangs" ? forEver() : Promise.resolve()), {
      ...owning(),
      stopTimeoutMs: 100,
    });
    await first.processor.start();
    await fixture.until(() => fixture.effects.length === 1);
    expect(await fixture.settle(first.processor.stop())).toEqual({ clean: false, abandoned: 1 });
    const second = fixture.process(undefined, owning());
    await second.processor.start();
    await fixture.until(() => fixture.effects.length === 2);
    expect(fixture.effects).toEqual(["quick", "hangs"]);
    await fixture.settle(second.processor.stop());
  });
});

describe("an event that kills its process, which owns its bucket", () => {
  it("is failed after lone starts, and its neighbours are neither failed nor handled twice", async () => {
    const fixture = createInboxProcessorFixture();
    const innocents = rowsOf(manyKeys.slice(0, 10), 2);
    await fixture.store(...innocents.slice(0, 10), "poison", ...innocents.slice(10));
    const atWork = new Set<string>();
    const beside: number[] = [];
    const workers: ReturnType<typeof fixture.process>[] = [];
    for (let deaths = 0; fixture.row("poison").status === "pending"; deaths += 1) {
      expect(deaths).toBeLessThan(6);
      atWork.clear();
      const died = createGate();
      let isDead = false;
      const worker = fixture.process(async (id) => {
        if (id === "poison") {
          beside.push(atWork.size);
          isDead = true;
          worker.repository.kill();
          died.open();
          return forEver();
        }
        atWork.add(id);
        await fixture.after(5);
        atWork.delete(id);
      }, owning());
      workers.push(worker);
      void worker.processor.start();
      await fixture.until(() => isDead || fixture.row("poison").status === "failed", 50);
      if (!isDead) await fixture.settle(worker.processor.stop());
    }
    // Two deaths among others are only remembered; the next three starts were alone.
    expect(beside.slice(2)).toEqual([0, 0, 0]);
    expect(fixture.row("poison")).toMatchObject({
      status: "failed",
      lastError: expect.stringMatching(/^INBOX\.CRASHED: .*3 times alone/),
    });
    const counts = workers.map(({ processor }) => processor.metrics());
    expect(counts.map(({ failed, crashed }) => [failed, crashed]).filter(([failed]) => failed !== 0)).toEqual([[1, 1]]);
    const last = fixture.process(undefined, owning());
    await last.processor.start();
    await fixture.until(() => fixture.effects.length === innocents.length, 50);
    expect(byKey(fixture.effects)).toEqual(inOrder(manyKeys.slice(0, 10), 2));
    await fixture.settle(last.processor.stop());
  });

  it("is started alone, with each start counted, when it was stored as a suspect", async () => {
    const fixture = createInboxProcessorFixture();
    await fixture.store(inboxRow("suspect", { startedAttempts: 1 }), "m1", "m2");
    let atWork = 0;
    const starts: number[] = [];
    const { processor, repository } = fixture.process(async (id) => {
      atWork += 1;
      if (id === "suspect") {
        expect(atWork).toBe(1);
        starts.push(fixture.row("suspect").startedAttempts);
        if (starts.length < 2) {
          atWork -= 1;
          throw new Error("an outcome, whatever it is, clears the suspicion");
        }
      }
      await fixture.after(20);
      atWork -= 1;
    }, owning());
    await processor.start();
    await fixture.until(() => fixture.effects.length === 3);
    expect(starts).toEqual([2, 0]);
    expect([...fixture.effects].sort()).toEqual(["m1", "m2", "suspect"]);
    expect(repository.statements.filter((statement) => statement === "recordStarted")).toHaveLength(2);
    await fixture.settle(processor.stop());
  });
});

describe("processors of one group with different strategies", () => {
  async function startBeside(first: FetchStrategy, second: FetchStrategy, consumerGroup = "shipping") {
    const fixture = createInboxProcessorFixture();
    const { processor } = fixture.process(undefined, { fetch: first });
    await fixture.settle(processor.start());
    await fixture.clock.advance(100);
    const other = fixture.process(undefined, { fetch: second, consumerGroup });
    await fixture.settle(other.processor.start());
    await fixture.clock.advance(1_000);
    await fixture.settle(Promise.all([processor.stop(), other.processor.stop()]));
    return other.logger.alarms;
  }
  const leasing = leased({ heartbeat: true });

  it("are warned of when one starts that leases events beside one that owns buckets", async () => {
    expect(await startBeside(ownedBuckets(), leasing)).toEqual([
      expect.stringMatching(/^other workers own buckets of the consumer group "shipping", .*Use one strategy/),
    ]);
  });

  it("are not warned of when all do the same, or are of different groups", async () => {
    expect(await startBeside(ownedBuckets(), ownedBuckets())).toEqual([]);
    expect(await startBeside(leasing, leasing)).toEqual([]);
    expect(await startBeside(ownedBuckets(), leasing, "billing")).toEqual([]);
  });
});

describe("the options of an inbox processor that owns buckets", () => {
  const { process } = createInboxProcessorFixture();

  it.each([
    [
      "a lease beside the strategy's",
      { ...owning(), leaseMs: 5_000 },
      /leaseMs: the lease is that of the fetch strategy/,
    ],
    [
      "order per key with a strategy that has none",
      { fetch: leased({ heartbeat: true }), ordering: "perKey" as const },
      /ordering "perKey" is not kept by leased: use ownedBuckets\(\)/,
    ],
  ])("are refused with %s", (_name, options, message) => {
    expect(() => process(undefined, options)).toThrow(message);
  });

  it("may ask for order per key, which it keeps", () => {
    expect(() => process(undefined, { ...owning(), ordering: "perKey" })).not.toThrow();
    expect(() =>
      process(undefined, { fetch: leased({ heartbeat: true, keyHeadsOnly: true }), ordering: "perKey" }),
    ).not.toThrow();
  });

  it("are refused at once when the repository has no buckets", () => {
    const { inbox } = createInboxProcessorFixture();
    const { bucketsOf: _none, ...rest } = inbox;
    const repository = { ...rest, capabilities: { ...inbox.capabilities, ownedBuckets: false } };
    expect(() => process(undefined, { ...owning(), repository })).toThrow(
      /^CONFIG\.UNSUPPORTED_CAPABILITY: .*filtered\(ownedBuckets\) needs "ownedBuckets"/,
    );
  });

  it("cannot be narrowed by anything but the group, which is said in plain words", () => {
    const problem = /a bucket has one owner, which has to take all its events: filter leased\(\) instead/;
    expect(() => filtered(ownedBuckets(), { topics: ["orders"] })).toThrow(problem);
    expect(() => filtered(ownedBuckets(), { consumerGroup: "shipping", sources: ["queue"] })).toThrow(problem);
  });
});

describe("an inbox consumer whose processor owns buckets", () => {
  it("keeps each key in order although the first of it is tried again, and handles what is only stored", async () => {
    for (const mode of ["inline", "storeThenProcess"] as const) {
      const refused = new Set(["a-1", "b-2"]);
      const options = {
        mode,
        ordering: "perKey",
        processor: { fetch: ownedBuckets() },
        retry: { delayMs: () => 500 },
      } as const;
      const fixture = createInboxFixture(options, ({ messageId }) => {
        if (refused.delete(messageId)) throw new Error("it is refused once");
      });
      const ids = ["a-1", "b-1", "a-2", "b-2", "a-3", "b-3"];
      for (const id of ids) fixture.send(id, keyed(keyOf(id)));
      await fixture.consumer.start();
      await fixture.until(() => fixture.effects.length === ids.length);
      expect(byKey(fixture.effects)).toEqual(inOrder(["a", "b"], 3));
      expect(fixture.repository.calls).not.toContain("claim");
      expect(fixture.consumer.health()).toMatchObject({ status: "healthy", blockedKeys: 0, ownedBuckets: 64 });
      await fixture.settle(fixture.consumer.stop());
    }
  });
});

describe("a processor put together by hand over the buckets of a group", () => {
  const router = createEventRouter<MemoryTransaction>().on({ type: "order.placed", topic: "orders" }, () => undefined);

  it("handles the group's events in order", async () => {
    const { inbox, store, row } = createInboxProcessorFixture();
    await store(...rowsOf(["a"], 2), ...rowsOf(["b"], 1, "billing"));
    const processor = createProcessorBuilder(inbox)
      .fetch(filtered(ownedBuckets(), { consumerGroup: "shipping" }))
      .handle(handleWith(inbox, { router }))
      .build();
    const { counts } = await processor.processBatch({ workerId: "worker", batchSize: 10 });
    expect(counts).toMatchObject({ completed: 2 });
    expect(row("b-1")).toMatchObject({ status: "pending" });
    await expect(
      processor.processBatch({ workerId: "worker", batchSize: 10, filters: { topics: ["orders"] } }),
    ).rejects.toThrow(/filters: a bucket has one owner/);
    await processor.close();
  });

  it("is refused without the group, with two groups, and over a table without groups", async () => {
    const { inbox } = createInboxProcessorFixture();
    const claimWith = (fetch: ReturnType<typeof ownedBuckets>) => {
      const handler = handleWith(inbox, { router, handlerTimeoutMs: 1_000 });
      return createProcessorBuilder(inbox).fetch(fetch).handle(handler).build().claim({ workerId: "w", batchSize: 1 });
    };
    await expect(claimWith(ownedBuckets())).rejects.toThrow(
      /^CONFIG\.UNSUPPORTED_CAPABILITY: each consumer group has buckets of its own: use filtered\(ownedBuckets\(\), \{ consumerGroup \}\)/,
    );
    const twice = filtered(filtered(ownedBuckets(), { consumerGroup: "a" }), { consumerGroup: "b" });
    await expect(claimWith(twice)).rejects.toThrow(/one is "a" and another "b", and no event is in both/);
    const outbox = createProcessorBuilder(createMemoryOutboxRepository())
      .fetch(filtered(ownedBuckets(), { consumerGroup: "a" }))
      .handle({ name: "nothing", requiredLeaseMs: 0, handle: async () => outcome.completed() })
      .build();
    await expect(outbox.claim({ workerId: "w", batchSize: 1 })).rejects.toThrow(/has no buckets of consumer groups/);
  });
});
