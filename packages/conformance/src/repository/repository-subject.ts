import type { BaseEvent, EventAdministration, EventRef } from "@omni-box/core";
import type { ClosableHarness, ConformanceCase } from "../conformance-case.js";
import type { EventScenario } from "./event-scenario.js";

/** What repositories of either kind can declare. */
export type RepositoryFeature = "leasedClaim" | "bulkOutcomes" | "administration";

/** What the common cases need of a harness. */
export interface TimedHarness extends ClosableHarness {
  advanceTime(ms: number): Promise<void>;
  createAdministration?(): EventAdministration<BaseEvent>;
}

/** One case that outbox and inbox repositories have in common. */
export type RepositoryCase<Harness> = ConformanceCase<Harness, RepositoryFeature>;

/** What cases say of the events that they store. */
export interface StoredFields {
  readonly maxAttempts?: number;
  readonly topic?: string;
  readonly type?: string;
}

/** The common steps over a store that can be filled. */
export interface StoreScenario extends EventScenario {
  /** Stores `count` pending events, each of a partition key of its own. */
  add(count: number, fields?: StoredFields): Promise<readonly EventRef[]>;
  /** Stores one pending event of each key, in their order; keys may repeat. */
  addKeys(partitionKeys: readonly string[], fields?: StoredFields): Promise<readonly EventRef[]>;
}

/** A kind of repository that the common cases are made for. */
export interface RepositorySubject<Harness> {
  /** The first part of the cases' ids. */
  readonly name: "outbox" | "inbox";
  /** Opens another worker's view of the harness's store. */
  open(harness: Harness, features: readonly RepositoryFeature[]): StoreScenario;
}
