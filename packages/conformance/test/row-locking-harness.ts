import type { OutboxRepositoryFeature, OutboxRepositoryHarness } from "@omni-box/conformance";
import type { EventRef } from "@omni-box/core";
import type { MemoryOutboxRepository, MemoryTransaction } from "@omni-box/core/testing";
import { createMemoryOutboxHarness, memoryOutboxFeatures } from "./memory-outbox-harness.js";
import { bucketsOf } from "./outbox-mutants/bucket-mutant.js";
import { around, type Recording } from "./outbox-mutants/guarded-writes.js";

/** Its administration waits for nobody, so it cannot show whether one would. */
export const rowLockingFeatures: readonly OutboxRepositoryFeature[] = [
  ...memoryOutboxFeatures.filter((feature) => feature !== "administration"),
  "rowLocks",
];

/** The rows that transactions hold. */
export interface RowLocks {
  /** Resolves when no transaction holds any of the rows. */
  whenFree(rows: readonly EventRef[]): Promise<void>;
  /** Resolves when no statement waits for a row. */
  whenNobodyWaits(): Promise<void>;
}

/**
 * A harness over a repository in memory whose outcomes wait for rows that a transaction holds, as those of a database do: the
 * fence is looked at when the wait is over.
 *
 * @param breakIt - puts a fault into that repository
 */
export function createRowLockingHarness(
  breakIt: (sound: MemoryOutboxRepository, locks: RowLocks, base: MemoryOutboxRepository) => MemoryOutboxRepository = (
    sound,
  ) => sound,
): OutboxRepositoryHarness<MemoryTransaction> {
  const harness = createMemoryOutboxHarness();
  const heldIds = new Map<string, Promise<void>>();
  const releases = new Map<MemoryTransaction, (() => void)[]>();
  const waits = new Set<Promise<void>>();
  const repositories = new Map<MemoryOutboxRepository, MemoryOutboxRepository>();

  async function whenFree(rows: readonly EventRef[]): Promise<void> {
    for (const { id } of rows) {
      const held = heldIds.get(id);
      if (held === undefined) continue;
      waits.add(held);
      await held;
    }
  }
  const locks: RowLocks = {
    whenFree,
    whenNobodyWaits: async () => {
      await Promise.all(waits);
    },
  };

  const waitingFirst: Recording = async (fence, rows, record) => {
    await whenFree(rows);
    return record(fence, rows);
  };

  function lockingOver(base: MemoryOutboxRepository): MemoryOutboxRepository {
    const { inBuckets } = around("started", base, waitingFirst);
    return {
      ...base,
      ...around("completed", base, waitingFirst),
      ...around("pending", base, waitingFirst),
      ...around("failed", base, waitingFirst),
      buckets: { ...bucketsOf(base), ...inBuckets },
    };
  }

  return {
    ...harness,
    createRepository(options) {
      const base = harness.createRepository(options) as MemoryOutboxRepository;
      const made = repositories.get(base) ?? breakIt(lockingOver(base), locks, base);
      repositories.set(base, made);
      return made;
    },
    transaction: (work) =>
      harness.transaction(async (tx) => {
        try {
          return await work(tx);
        } finally {
          for (const release of releases.get(tx) ?? []) release();
        }
      }),
    async lockEvent(tx, id) {
      const held = new Promise<void>((resolve) => {
        releases.set(tx, [...(releases.get(tx) ?? []), resolve]);
      });
      heldIds.set(id, held);
    },
  };
}
