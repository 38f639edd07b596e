import { type OutboxRepositoryHarness, outboxRepositoryCases, runCase } from "@omni-box/conformance";
import type { MemoryOutboxRepository, MemoryTransaction } from "@omni-box/core/testing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createMemoryOutboxHarness, memoryOutboxFeatures } from "./memory-outbox-harness.js";

const randomSchedules =
  outboxRepositoryCases.find(({ id }) => id === "outbox.schedules.random") ?? expect.fail("the case is gone");

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
          const token = stored && stored.attemptsMade > 0 ? (stored.lease?.token ?? fence.token) : fence.token;
          return base.recordCompleted({ kind: "lease", token }, rows);
        },
      };
    },
  };
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
});
