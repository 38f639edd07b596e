import { type PublisherHarness, publisherCases, runCase } from "@omni-box/conformance";
import { describe, expect, it } from "vitest";
import { createMemoryPublisherHarness, memoryPublisherFeatures } from "./memory-publisher-harness.js";
import { lifecycleMutants } from "./publisher-mutants/lifecycle-mutants.js";
import { publishMutants } from "./publisher-mutants/publish-mutants.js";
import type { PublisherMutant } from "./publisher-mutants/publisher-mutant.js";
import { rejectionMutants } from "./publisher-mutants/rejection-mutants.js";

const publisherMutants: readonly PublisherMutant[] = [...publishMutants, ...rejectionMutants, ...lifecycleMutants];

function createMutantHarness(wrap: PublisherMutant["wrap"]): PublisherHarness {
  const sound = createMemoryPublisherHarness();
  return { ...sound, createPublisher: () => wrap(sound.createPublisher()) };
}

describe("a broken publisher is found out", () => {
  for (const { fault, killedBy, wrap } of publisherMutants) {
    it.concurrent(`${fault}: ${killedBy} fails`, async () => {
      const killer = publisherCases.find(({ id }) => id === killedBy) ?? expect.fail(`no case ${killedBy}`);
      await expect(runCase(killer, () => createMutantHarness(wrap), memoryPublisherFeatures)).rejects.toThrow();
    });
  }
});
