import { acquiringCases } from "./acquiring.js";
import { declarationCases } from "./declarations.js";
import type { DistributedLockCase } from "./distributed-lock-case.js";
import { holdingCases } from "./holding.js";
import { lossCases } from "./losses.js";
import { outageCases } from "./outages.js";
import { withLockCases } from "./with-lock.js";

/** Everything that a `DistributedLock` promises. */
export const distributedLockCases: readonly DistributedLockCase[] = [
  ...declarationCases,
  ...acquiringCases,
  ...holdingCases,
  ...withLockCases,
  ...lossCases,
  ...outageCases,
];
