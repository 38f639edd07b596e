import type { ConformanceCase } from "../conformance-case.js";
import type { DistributedLockFeature, DistributedLockHarness } from "./distributed-lock-harness.js";

/** A case for distributed locks. */
export type DistributedLockCase = ConformanceCase<DistributedLockHarness, DistributedLockFeature>;
