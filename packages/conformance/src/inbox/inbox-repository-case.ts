import type { ConformanceCase } from "../conformance-case.js";
import type { InboxRepositoryFeature, InboxRepositoryHarness } from "./inbox-repository-harness.js";

/** One case of the contract of `InboxEventRepository`. */
export type InboxRepositoryCase = ConformanceCase<InboxRepositoryHarness<unknown>, InboxRepositoryFeature>;
