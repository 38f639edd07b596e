import type { ConformanceCase } from "../conformance-case.js";
import type { ConsumerFeature, ConsumerHarness } from "./consumer-harness.js";

/** One case of the contract of `EventConsumer`. */
export type ConsumerCase = ConformanceCase<ConsumerHarness, ConsumerFeature>;
