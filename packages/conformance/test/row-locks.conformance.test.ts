import { outboxRepositoryCases, runCase } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import type { MemoryOutboxRepository } from "@omni-box/core/testing";
import { describe, expect, it } from "vitest";
import { bucketsOf, knowingHolders, recordLoosely } from "./outbox-mutants/bucket-mutant.js";
import { around, ignoringAll, isHeldByAll, writes } from "./outbox-mutants/guarded-writes.js";
import { createRowLockingHarness, type RowLocks, rowLockingFeatures } from "./row-locking-harness.js";

const lockCases = outboxRepositoryCases.filter(({ requires }) => requires?.includes("rowLocks"));

describe("a repository in memory that looks at the fence when it has waited for locked events keeps the contract", () => {
  runCases(lockCases, createRowLockingHarness, { features: rowLockingFeatures });
});

describe("a repository that waits for locked events and is broken is found out", () => {
  for (const write of writes) {
    it(`"${write}" looks at the fence before it waits: outbox.buckets.locked-${write} fails`, async () => {
      const failing = runKiller(`outbox.buckets.locked-${write}`, (sound, locks, base) => {
        const early = knowingHolders((holders) =>
          around(write, base, async (fence, rows, record) => {
            const wasHeld = isHeldByAll(fence, holders);
            await locks.whenFree(rows);
            return wasHeld ? recordLoosely(base, ignoringAll(fence, holders), rows, record) : record(fence, rows);
          }),
        );
        return { ...sound, ...early(sound) };
      });
      await expect(failing).rejects.toThrow("an outcome followed the take-over");
    });
  }

  it("a renewal waits for outcomes: outbox.buckets.renew-during-outcome fails", async () => {
    const failing = runKiller("outbox.buckets.renew-during-outcome", (sound, locks) => ({
      ...sound,
      buckets: {
        ...bucketsOf(sound),
        async renew(fence, leaseMs) {
          await locks.whenNobodyWaits();
          return bucketsOf(sound).renew(fence, leaseMs);
        },
      },
    }));
    await expect(failing).rejects.toThrow("did not settle");
  });
});

function runKiller(
  id: string,
  breakIt: (sound: MemoryOutboxRepository, locks: RowLocks, base: MemoryOutboxRepository) => MemoryOutboxRepository,
): Promise<void> {
  const killer = lockCases.find((candidate) => candidate.id === id) ?? expect.fail(`no case ${id}`);
  return runCase(killer, () => createRowLockingHarness(breakIt), rowLockingFeatures);
}
