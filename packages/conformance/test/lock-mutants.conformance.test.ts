import { type DistributedLockHarness, distributedLockCases, runCase } from "@omni-box/conformance";
import { createDistributedLock, silentLogger } from "@omni-box/core";
import { describe, expect, it } from "vitest";
import { acquireMutants } from "./lock-mutants/acquire-mutants.js";
import { heldMutants, withLockMutants } from "./lock-mutants/held-mutants.js";
import type { LockMutant } from "./lock-mutants/lock-mutant.js";
import { createSimpleLockStore } from "./lock-mutants/simple-lock-store.js";
import { type StoreMutant, storeMutants } from "./lock-mutants/store-mutants.js";
import { createMemoryLockHarness, memoryLockFeatures } from "./memory-lock-harness.js";

const lockMutants: readonly LockMutant[] = [...acquireMutants, ...heldMutants, ...withLockMutants];

function createMutantHarness(wrap: LockMutant["wrap"]): DistributedLockHarness {
  const sound = createMemoryLockHarness();
  return { ...sound, createLock: (options) => wrap(sound.createLock(options), options) };
}

/** A lock that core makes of a store with a fault. */
function createStoreHarness(wrap: StoreMutant["wrap"] = (sound) => sound): DistributedLockHarness {
  const { store, ...hooks } = createSimpleLockStore();
  const broken = wrap(store);
  return {
    ...hooks,
    createLock: ({ clock } = {}) => createDistributedLock(broken, { clock, logger: silentLogger }),
    close: async () => undefined,
  };
}

const caseOf = (id: string) => distributedLockCases.find((each) => each.id === id) ?? expect.fail(`no case ${id}`);

describe("a broken lock is found out", () => {
  for (const { fault, killedBy, wrap } of lockMutants) {
    it.concurrent(`${fault}: ${killedBy} fails`, async () => {
      const run = runCase(caseOf(killedBy), () => createMutantHarness(wrap), memoryLockFeatures);
      await expect(run).rejects.toThrow();
    });
  }
});

describe("a broken store under a sound lock is found out", () => {
  for (const { fault, killedBy, wrap } of storeMutants) {
    it.concurrent(`${fault}: ${killedBy} fails`, async () => {
      await runCase(caseOf(killedBy), () => createStoreHarness(), memoryLockFeatures);
      const run = runCase(caseOf(killedBy), () => createStoreHarness(wrap), memoryLockFeatures);
      await expect(run).rejects.toThrow();
    });
  }
});
