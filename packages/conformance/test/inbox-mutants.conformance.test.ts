import { type InboxRepositoryHarness, inboxRepositoryCases, runCase } from "@omni-box/conformance";
import type { MemoryTransaction } from "@omni-box/core/testing";
import { describe, expect, it } from "vitest";
import { claimMutants } from "./inbox-mutants/claim-mutants.js";
import { completeMutants } from "./inbox-mutants/complete-mutants.js";
import { groupMutants } from "./inbox-mutants/group-mutants.js";
import type { InboxMutant } from "./inbox-mutants/inbox-mutant.js";
import { sequenceMutants } from "./inbox-mutants/sequence-mutants.js";
import { storeMutants } from "./inbox-mutants/store-mutants.js";
import { transactionMutants } from "./inbox-mutants/transaction-mutants.js";
import { createMemoryInboxHarness, memoryInboxFeatures } from "./memory-inbox-harness.js";

const inboxMutants: readonly InboxMutant[] = [
  ...storeMutants,
  ...transactionMutants,
  ...completeMutants,
  ...claimMutants,
  ...sequenceMutants,
  ...groupMutants,
];

function createMutantHarness(wrap: InboxMutant["wrap"]): InboxRepositoryHarness<MemoryTransaction> {
  const sound = createMemoryInboxHarness();
  const broken = wrap(sound.createRepository());
  return { ...sound, createRepository: () => broken };
}

describe("a broken inbox repository is found out", () => {
  for (const { fault, killedBy, wrap } of inboxMutants) {
    it.concurrent(`${fault}: ${killedBy} fails`, async () => {
      const killer = inboxRepositoryCases.find(({ id }) => id === killedBy) ?? expect.fail(`no case ${killedBy}`);
      await expect(runCase(killer, () => createMutantHarness(wrap), memoryInboxFeatures)).rejects.toThrow();
    });
  }
});
