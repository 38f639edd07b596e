/** One thing that was looked at. */
export interface Finding {
  /** What was looked at, in a few words. */
  readonly name: string;
  /** `warning`: it works, and may not stay so. `problem`: something does not work. `skipped`: it could not be looked at. */
  readonly status: "ok" | "warning" | "problem" | "skipped";
  /** What was found. */
  readonly found: string;
  /** What to do; `null` when there is nothing to do. */
  readonly advice: string | null;
}
