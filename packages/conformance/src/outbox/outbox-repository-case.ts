import type { ConformanceCase } from "../conformance-case.js";
import type { OutboxRepositoryFeature, OutboxRepositoryHarness } from "./outbox-repository-harness.js";

/** One case of the contract of `OutboxEventRepository`. */
export type OutboxRepositoryCase = ConformanceCase<OutboxRepositoryHarness<unknown>, OutboxRepositoryFeature>;
