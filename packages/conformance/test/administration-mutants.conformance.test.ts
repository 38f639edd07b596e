import { type OutboxRepositoryHarness, outboxRepositoryCases, runCase } from "@omni-box/conformance";
import type { MemoryOutboxRepository, MemoryTransaction } from "@omni-box/core/testing";
import { describe, expect, it } from "vitest";
import type { AdministrationMutant } from "./administration-mutants/administration-mutant.js";
import { changeMutants } from "./administration-mutants/change-mutants.js";
import { readingMutants } from "./administration-mutants/reading-mutants.js";
import { upkeepMutants } from "./administration-mutants/upkeep-mutants.js";
import { createMemoryOutboxHarness, memoryOutboxFeatures } from "./memory-outbox-harness.js";

const mutants: readonly AdministrationMutant[] = [...changeMutants, ...readingMutants, ...upkeepMutants];
const prefix = "outbox.administration.";
const cases = outboxRepositoryCases.filter(({ id }) => id.startsWith(prefix));

function createMutantHarness(wrap: AdministrationMutant["wrap"]): OutboxRepositoryHarness<MemoryTransaction> {
  const sound = createMemoryOutboxHarness();
  const broken = new Map<MemoryOutboxRepository, MemoryOutboxRepository>();
  let current: MemoryOutboxRepository | undefined;
  return {
    ...sound,
    createRepository(options) {
      const repository = sound.createRepository(options) as MemoryOutboxRepository;
      current = broken.get(repository) ?? wrap(repository);
      broken.set(repository, current);
      return current;
    },
    createAdministration: () => current?.administration ?? expect.fail("no repository was made"),
  };
}

describe("a broken administration is found out", () => {
  for (const { fault, killedBy, wrap } of mutants) {
    it(`${fault}: ${prefix}${killedBy} fails`, async () => {
      const killer = cases.find(({ id }) => id === prefix + killedBy) ?? expect.fail(`no case ${killedBy}`);
      await expect(runCase(killer, () => createMutantHarness(wrap), memoryOutboxFeatures)).rejects.toThrow();
    });
  }

  it("by each of the cases", () => {
    const killers = new Set(mutants.map(({ killedBy }) => prefix + killedBy));
    // It needs a store that locks rows.
    killers.add(`${prefix}locked`);
    expect(cases.map(({ id }) => id).filter((id) => !killers.has(id))).toEqual([]);
  });
});
