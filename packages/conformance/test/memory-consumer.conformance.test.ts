import { consumerCases } from "@omni-box/conformance";
import { runCases } from "@omni-box/conformance/vitest";
import { describe } from "vitest";
import { createMemoryConsumerHarness, memoryConsumerFeatures } from "./memory-consumer-harness.js";

describe("the in-memory broker's consumer keeps the contract", () => {
  runCases(consumerCases, createMemoryConsumerHarness, { features: memoryConsumerFeatures });
});
