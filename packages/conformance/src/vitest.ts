import { it } from "vitest";
import type { ClosableHarness, ConformanceCase, HarnessFactory } from "./conformance-case.js";
import { runCase } from "./run-case.js";
import { skipReason } from "./skip-reason.js";

/** How {@link runCases} binds the kit to Vitest. */
export interface RunCasesOptions<Feature extends string> {
  /** What the adapter can do beyond the common contract. A case that needs more is registered as skipped, with the reason in its name. */
  readonly features?: readonly Feature[];
  /** The longest time for one case, harness included; default 30 seconds. */
  readonly timeoutMs?: number;
}

// #region binding
/** Registers every case as a Vitest test with a harness of its own; call it inside a `describe` or at the top of a file. */
export function runCases<Harness extends ClosableHarness, Feature extends string>(
  cases: readonly ConformanceCase<Harness, Feature>[],
  createHarness: HarnessFactory<NoInfer<Harness>>,
  options: RunCasesOptions<NoInfer<Feature>> = {},
): void {
  const features = options.features ?? [];
  for (const conformanceCase of cases) {
    const name = `${conformanceCase.id}: ${conformanceCase.title}`;
    const reason = skipReason(conformanceCase, features);
    if (reason !== null) it.skip(`${name} (${reason})`, () => undefined);
    else it(name, () => runCase(conformanceCase, createHarness, features), options.timeoutMs ?? 30_000);
  }
}
// #endregion binding
