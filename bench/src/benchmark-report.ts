/** What a benchmark printed; `--json` makes it the last line. */
export interface BenchmarkReport {
  readonly name: string;
  readonly cases: readonly BenchmarkCase[];
}

/** One measured value. */
export interface BenchmarkCase {
  readonly case: string;
  readonly value: number;
  readonly unit: string;
}
