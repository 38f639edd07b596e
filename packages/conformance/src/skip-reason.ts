import type { ConformanceCase } from "./conformance-case.js";

/** Why a case does not apply to an adapter that declares `features`, or `null` when it does. */
export function skipReason<Harness, Feature extends string>(
  conformanceCase: ConformanceCase<Harness, Feature>,
  features: readonly Feature[],
): string | null {
  const missing = (conformanceCase.requires ?? []).filter((feature) => !features.includes(feature));
  return missing.length === 0 ? null : `not declared: ${missing.join(", ")}`;
}
