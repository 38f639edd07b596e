import { type ConsumerHarness, consumerCases, runCase } from "@omni-box/conformance";
import { beforeAll, describe, expect, it } from "vitest";
import type { ConsumerMutant } from "./consumer-mutants/consumer-mutant.js";
import { deliveryMutants } from "./consumer-mutants/delivery-mutants.js";
import { lifecycleMutants } from "./consumer-mutants/lifecycle-mutants.js";
import { settleMutants } from "./consumer-mutants/settle-mutants.js";
import { createMemoryConsumerHarness, memoryConsumerFeatures } from "./memory-consumer-harness.js";

const consumerMutants: readonly ConsumerMutant[] = [...deliveryMutants, ...settleMutants, ...lifecycleMutants];

function createMutantHarness(wrap: ConsumerMutant["wrap"]): ConsumerHarness {
  const sound = createMemoryConsumerHarness();
  return { ...sound, createConsumer: wrap(sound.createConsumer) };
}

async function verdictOn({ killedBy, wrap }: ConsumerMutant): Promise<string> {
  const killer = consumerCases.find(({ id }) => id === killedBy) ?? expect.fail(`no case ${killedBy}`);
  return runCase(killer, () => createMutantHarness(wrap), memoryConsumerFeatures).then(
    () => "it was not found out",
    () => "found out",
  );
}

describe("a broken consumer is found out", () => {
  const verdicts = new Map<ConsumerMutant, string>();
  // All at once: many of them wait for a message that does not come.
  beforeAll(async () => {
    const judging = consumerMutants.map(async (mutant) => verdicts.set(mutant, await verdictOn(mutant)));
    await Promise.all(judging);
  });

  for (const mutant of consumerMutants) {
    it(`${mutant.fault}: ${mutant.killedBy} fails`, () => {
      expect(verdicts.get(mutant)).toBe("found out");
    });
  }
});
