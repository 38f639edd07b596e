/** One metric: what it is called, what it means and what it is divided by. */
export interface MetricDefinition {
  readonly name: string;
  readonly kind: "counter" | "histogram" | "gauge";
  /** As UCUM writes it: `s`, or a word in braces for what is counted. */
  readonly unit: string;
  readonly description: string;
  /** Names of the attributes of its points. */
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, in its unit. */
  readonly buckets?: readonly number[];
}
