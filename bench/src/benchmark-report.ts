/** What a benchmark found; with `--json` it is the last line. */
export interface BenchmarkReport {
  readonly name: string;
  /** What was done and how it was measured, for the page. */
  readonly method?: string;
  /** When it was measured, and on what, for the page. */
  readonly occasion?: string;
  readonly cases: readonly BenchmarkCase[];
}

/** One measured value, beside what a hand-written loop reached in the same rounds. */
export interface BenchmarkCase {
  readonly case: string;
  /** The median of the rounds. */
  readonly value: number;
  readonly unit: string;
  /** Lowest and highest value of the rounds. */
  readonly spread?: readonly [number, number];
  readonly handWritten?: number;
  /** The median of the rounds' own ratios of `value` to `handWritten`. */
  readonly ratio?: number;
  /** What else does the same work, by name and version. */
  readonly peers?: Readonly<Record<string, number>>;
  readonly aim?: Aim;
  /** One value for each interval of a long run. */
  readonly series?: readonly number[];
}

/** What a case is to reach. */
export interface Aim {
  readonly of: "value" | "ratio";
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Whether a case reached its aim; `undefined` without one. */
export function reachesAim({ value, ratio, aim }: BenchmarkCase): boolean | undefined {
  if (aim === undefined) return undefined;
  const reached = aim.of === "value" ? value : (ratio ?? Number.NaN);
  return reached >= (aim.atLeast ?? Number.NEGATIVE_INFINITY) && reached <= (aim.atMost ?? Number.POSITIVE_INFINITY);
}
