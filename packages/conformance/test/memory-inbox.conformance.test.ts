import { inboxRepositoryCases } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import { describe } from "vitest";
import { createMemoryInboxHarness, memoryInboxFeatures } from "./memory-inbox-harness.js";

describe("the in-memory inbox repository keeps the contract", () => {
  runCases(inboxRepositoryCases, createMemoryInboxHarness, { features: memoryInboxFeatures });
});
