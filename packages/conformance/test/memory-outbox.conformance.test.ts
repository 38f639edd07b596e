import { outboxRepositoryCases } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import { describe } from "vitest";
import { createMemoryOutboxHarness, memoryOutboxFeatures } from "./memory-outbox-harness.js";

describe("the in-memory outbox repository keeps the contract", () => {
  runCases(outboxRepositoryCases, createMemoryOutboxHarness, { features: memoryOutboxFeatures });
});
