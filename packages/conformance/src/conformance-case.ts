/** One promise of a contract, checked against one adapter. Free of any test runner: a failure is a thrown error. */
export interface ConformanceCase<Harness, Feature extends string = string> {
  /** Stable and unique in the kit, as `subject.area.behaviour`; use it to find or to exclude a case. */
  readonly id: string;
  /** A sentence about behaviour. */
  readonly title: string;
  /** The guarantee of the design that the case belongs to, such as `G5`. */
  readonly guarantee?: string;
  /** The case is skipped, visibly, unless the adapter declares all of these. */
  readonly requires?: readonly Feature[];
  /** Resolves when the adapter behaves as promised, else rejects with an error that says what it did instead. */
  run(harness: Harness, features: readonly Feature[]): Promise<void>;
}

/** What every harness has: it is made for one case and closed after it. */
export interface ClosableHarness {
  /** Frees what the harness holds. Called once, also after a failed case. */
  close(): Promise<void>;
}

/** Makes a fresh harness, isolated from every other one. */
export type HarnessFactory<Harness> = () => Harness | Promise<Harness>;
