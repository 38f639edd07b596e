import type { EventRef } from "@omni-box/core";
import type { ClosableHarness, ConformanceCase } from "../conformance-case.js";
import type { EventScenario } from "./event-scenario.js";

/** What repositories of either kind can declare. */
export type RepositoryFeature = "leasedClaim" | "bulkOutcomes";

/** What the common cases need of a harness. */
export interface TimedHarness extends ClosableHarness {
  advanceTime(ms: number): Promise<void>;
}

/** One case that outbox and inbox repositories have in common. */
export type RepositoryCase<Harness> = ConformanceCase<Harness, RepositoryFeature>;

/** The common steps over a store that can be filled. */
export interface StoreScenario extends EventScenario {
  /** Stores `count` pending events, each of a partition key of its own. */
  add(count: number, fields?: { readonly maxAttempts?: number }): Promise<readonly EventRef[]>;
}

/** A kind of repository that the common cases are made for. */
export interface RepositorySubject<Harness> {
  /** The first part of the cases' ids. */
  readonly name: "outbox" | "inbox";
  /** Opens another worker's view of the harness's store. */
  open(harness: Harness, features: readonly RepositoryFeature[]): StoreScenario;
}
