import type { ClosableHarness, ConformanceCase, HarnessFactory } from "./conformance-case.js";

/**
 * Runs one case against a fresh harness and closes the harness whatever happened.
 *
 * For use in any test runner, after `skipReason` has said that the case applies. Rejects with the case's own error; an
 * error of `close()` after a failed case is dropped in its favour.
 */
export async function runCase<Harness extends ClosableHarness, Feature extends string>(
  conformanceCase: ConformanceCase<Harness, Feature>,
  createHarness: HarnessFactory<Harness>,
  features: readonly Feature[],
): Promise<void> {
  const harness = await createHarness();
  try {
    await conformanceCase.run(harness, features);
  } catch (error) {
    await harness.close().catch(() => undefined);
    throw error;
  }
  await harness.close();
}
