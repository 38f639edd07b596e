import { z } from "zod";
import { defaults } from "../defaults.js";
import { milliseconds } from "../errors/validate-options.js";

/** Options of the strategies that lease single rows. */
export interface LeaseOptions {
  /** How long a claim keeps its rows from other workers; default 30,000 ms, at least 1,000 ms. */
  readonly leaseMs?: number | undefined;
}

export const leaseOptions: z.ZodType<{ leaseMs: number }, LeaseOptions> = z.strictObject({
  leaseMs: milliseconds(1_000).default(defaults.leaseMs),
});
