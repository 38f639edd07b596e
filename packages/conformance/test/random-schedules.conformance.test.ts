import {
  type InboxRepositoryHarness,
  inboxRepositoryCases,
  type OutboxRepositoryHarness,
  outboxRepositoryCases,
  runCase,
} from "@omni-box/conformance";
import type { MemoryOutboxRepository, MemoryTransaction } from "@omni-box/core/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { inTransaction } from "./inbox-mutants/inbox-mutant.js";
import { createMemoryInboxHarness, memoryInboxFeatures } from "./memory-inbox-harness.js";
import { createMemoryOutboxHarness, memoryOutboxFeatures } from "./memory-outbox-harness.js";
import { knowingHolders, recordLoosely } from "./outbox-mutants/bucket-mutant.js";
import { around, ignoringAll } from "./outbox-mutants/guarded-writes.js";

const inboxSchedules =
  inboxRepositoryCases.find(({ id }) => id === "inbox.schedules.random") ?? expect.fail("the case is gone");
const randomSchedules =
  outboxRepositoryCases.find(({ id }) => id === "outbox.schedules.random") ?? expect.fail("the case is gone");
const bucketSchedules =
  outboxRepositoryCases.find(({ id }) => id === "outbox.buckets.random") ?? expect.fail("the case is gone");

/** Forgets its fence when the event has been tried before: an ordinary test would hardly look for that. */
function createRareFaultHarness(): OutboxRepositoryHarness<MemoryTransaction> {
  const sound = createMemoryOutboxHarness();
  return {
    ...sound,
    createRepository(options) {
      const base = sound.createRepository(options) as MemoryOutboxRepository;
      return {
        ...base,
        async recordCompleted(fence, rows) {
          const [first] = rows;
          const stored = base.all().find(({ seq }) => seq === first?.seq);
          const holder = stored && stored.attemptsMade > 0 ? stored.lease?.token : undefined;
          return base.recordCompleted(holder === undefined ? fence : { kind: "lease", token: holder }, rows);
        },
      };
    },
  };
}

/** Completes whoever has the bucket when the event has been tried before. */
function createRareBucketFaultHarness(): OutboxRepositoryHarness<MemoryTransaction> {
  const sound = createMemoryOutboxHarness();
  const forgetful = knowingHolders((holders, base) =>
    around("completed", base, async (fence, rows, record) => {
      const isTried = base.all().some(({ seq, attemptsMade }) => seq === rows[0]?.seq && attemptsMade > 0);
      return isTried ? recordLoosely(base, ignoringAll(fence, holders), rows, record) : record(fence, rows);
    }),
  );
  const wrapped = new WeakMap<object, ReturnType<typeof forgetful>>();
  return {
    ...sound,
    createRepository(options) {
      const base = sound.createRepository(options) as MemoryOutboxRepository;
      const broken = wrapped.get(base) ?? forgetful(base);
      wrapped.set(base, broken);
      return broken;
    },
  };
}

/** Completes whoever holds the event when it has been tried before. */
function createRareInboxFaultHarness(): InboxRepositoryHarness<MemoryTransaction> {
  const sound = createMemoryInboxHarness();
  const forgetful = inTransaction((tx, base) => ({
    complete(fence, row) {
      if (fence.kind !== "lease") return tx.complete(fence, row);
      const stored = base.all().find(({ seq }) => seq === row.seq);
      const token = stored && stored.attemptsMade > 0 ? (stored.lease?.token ?? fence.token) : fence.token;
      return tx.complete({ kind: "lease", token }, row);
    },
  }));
  const broken = forgetful(sound.createRepository());
  return { ...sound, createRepository: () => broken };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("random schedules", () => {
  it("find a fault that needs several unlikely steps, and print the seed and the shortest schedule", async () => {
    vi.stubEnv("OMNI_BOX_KIT_SEED", "1");
    const failure = await runCase(randomSchedules, createRareFaultHarness, memoryOutboxFeatures).then(
      () => expect.fail("not found"),
      (error: unknown) => String(error),
    );
    expect(failure).toMatch(/OMNI_BOX_KIT_SEED=\d+ runs it again/);
    const steps = failure.split("\n").filter((line) => line.startsWith('  {"do":'));
    expect(steps.length).toBeGreaterThan(3);
    expect(steps.length).toBeLessThan(15);
  });

  it("fail again with the seed that they printed", async () => {
    vi.stubEnv("OMNI_BOX_KIT_SEED", "1");
    const messages: string[] = [];
    for (let run = 0; run < 2; run += 1) {
      const failing = runCase(randomSchedules, createRareFaultHarness, memoryOutboxFeatures);
      await failing.catch((error: unknown) => messages.push(String(error)));
      vi.stubEnv("OMNI_BOX_KIT_SEED", /OMNI_BOX_KIT_SEED=(\d+)/.exec(messages[0] ?? "")?.[1] ?? "none");
    }
    expect(messages).toHaveLength(2);
    const stepsOf = (message: string | undefined) => message?.split("\n").filter((line) => line.startsWith('  {"do":'));
    expect(stepsOf(messages[1])).toEqual(stepsOf(messages[0]));
  });

  it("find a lost bucket that may be written to only after a retry, and print the shortest schedule", async () => {
    vi.stubEnv("OMNI_BOX_KIT_SEED", "1");
    const failure = await runCase(bucketSchedules, createRareBucketFaultHarness, memoryOutboxFeatures).then(
      () => expect.fail("not found"),
      (error: unknown) => String(error),
    );
    expect(failure).toMatch(/OMNI_BOX_KIT_SEED=\d+ runs it again/);
    const steps = failure.split("\n").filter((line) => line.startsWith('  {"do":'));
    expect(steps.length).toBeGreaterThan(4);
    expect(steps.length).toBeLessThan(20);
  });

  it("find an inbox that applies an effect under a lost lease only after a retry, and print the shortest schedule", async () => {
    vi.stubEnv("OMNI_BOX_KIT_SEED", "1");
    const failure = await runCase(inboxSchedules, createRareInboxFaultHarness, memoryInboxFeatures).then(
      () => expect.fail("not found"),
      (error: unknown) => String(error),
    );
    expect(failure).toMatch(/OMNI_BOX_KIT_SEED=\d+ runs it again/);
    const steps = failure.split("\n").filter((line) => line.startsWith('  {"do":'));
    expect(steps.length).toBeGreaterThan(4);
    expect(steps.length).toBeLessThan(15);
  });
});
