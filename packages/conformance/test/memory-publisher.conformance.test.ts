import { publisherCases } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import { describe } from "vitest";
import { createMemoryPublisherHarness, memoryPublisherFeatures } from "./memory-publisher-harness.js";

describe("the in-memory broker's publisher keeps the contract", () => {
  runCases(publisherCases, createMemoryPublisherHarness, { features: memoryPublisherFeatures });
});
