import { type OutboxRepositoryHarness, outboxRepositoryCases, runCase } from "@omni-box/conformance";
import type { MemoryOutboxRepository, MemoryTransaction } from "@omni-box/core/testing";
import { describe, expect, it } from "vitest";
import { createMemoryOutboxHarness, memoryOutboxFeatures } from "./memory-outbox-harness.js";
import { addMutants } from "./outbox-mutants/add-mutants.js";
import { bucketOutcomeMutants } from "./outbox-mutants/bucket-outcome-mutants.js";
import { bucketOwnershipMutants } from "./outbox-mutants/bucket-ownership-mutants.js";
import { bucketReadMutants } from "./outbox-mutants/bucket-read-mutants.js";
import { bucketScheduleMutants } from "./outbox-mutants/bucket-schedule-mutants.js";
import { claimMutants } from "./outbox-mutants/claim-mutants.js";
import { lockMutants } from "./outbox-mutants/lock-mutants.js";
import type { OutboxMutant } from "./outbox-mutants/outbox-mutant.js";
import { outcomeMutants } from "./outbox-mutants/outcome-mutants.js";

const outboxMutants: readonly OutboxMutant[] = [
  ...claimMutants,
  ...lockMutants,
  ...outcomeMutants,
  ...addMutants,
  ...bucketOwnershipMutants,
  ...bucketReadMutants,
  ...bucketScheduleMutants,
  ...bucketOutcomeMutants,
];

function createMutantHarness(wrap: OutboxMutant["wrap"]): OutboxRepositoryHarness<MemoryTransaction> {
  const sound = createMemoryOutboxHarness();
  return { ...sound, createRepository: (options) => wrap(sound.createRepository(options) as MemoryOutboxRepository) };
}

describe("a broken outbox repository is found out", () => {
  for (const { fault, killedBy, wrap, features = memoryOutboxFeatures } of outboxMutants) {
    it(`${fault}: ${killedBy} fails`, async () => {
      const killer = outboxRepositoryCases.find(({ id }) => id === killedBy) ?? expect.fail(`no case ${killedBy}`);
      await expect(runCase(killer, () => createMutantHarness(wrap), features)).rejects.toThrow();
    });
  }
});
