import type { Clock, DistributedLock } from "@omni-box/core";
import type { ClosableHarness } from "../conformance-case.js";

/**
 * What a lock's store, or the harness around it, can do beyond the common contract.
 *
 * - `forgets`: the harness can make the store forget all locks (`forget`).
 * - `outages`: the store can be taken away and brought back with what it knew (`goDown`, `comeBack`).
 * - `silence`: the store can be made to answer nothing, and to carry out later what it is asked meanwhile (`fallSilent`, `answerAgain`).
 */
export type DistributedLockFeature = "forgets" | "outages" | "silence";

/** How a harness makes a lock. */
export interface HarnessLockOptions {
  /** The process's clock; one that stands still is a process that is paused. Default: the machine's. */
  readonly clock?: Clock;
}

/** An empty store of locks, and what the cases need around it. Keys are unique to each case. */
export interface DistributedLockHarness extends ClosableHarness {
  /** Each call is another process: it shares nothing with the others but the store. */
  createLock(options?: HarnessLockOptions): DistributedLock;
  forget?(): Promise<void>;
  goDown?(): Promise<void>;
  /** Resolves when locks that were made before can be used again. */
  comeBack?(): Promise<void>;
  fallSilent?(): Promise<void>;
  answerAgain?(): Promise<void>;
}
