import { distributedLockCases } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import { describe } from "vitest";
import { createMemoryLockHarness, memoryLockFeatures } from "./memory-lock-harness.js";

describe("the lock in memory keeps the contract", () => {
  runCases(distributedLockCases, createMemoryLockHarness, { features: memoryLockFeatures });
});
