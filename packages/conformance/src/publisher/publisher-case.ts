import type { ConformanceCase } from "../conformance-case.js";
import type { PublisherFeature, PublisherHarness } from "./publisher-harness.js";

/** One case of the contract of `EventPublisher`. */
export type PublisherCase = ConformanceCase<PublisherHarness, PublisherFeature>;
