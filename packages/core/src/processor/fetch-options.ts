import { z } from "zod";
import { defaults } from "../defaults.js";
import { milliseconds } from "../errors/validate-options.js";

/** Options of the strategies that lease single rows. */
export interface LeaseOptions {
  /** How long a claim keeps its rows from other workers; default 30,000 ms, at least 1,000 ms. */
  readonly leaseMs?: number | undefined;
}

/** Options of `leased`. */
export interface LeasedOptions extends LeaseOptions {
  /** Extend the leases of events in work every third of `leaseMs`, so that work may take longer than a lease; default `false`. */
  readonly heartbeat?: boolean | undefined;
  /** Claim only the earliest pending event of each partition key, so that keys stay in order; default `false`. */
  readonly keyHeadsOnly?: boolean | undefined;
}

const leaseFields = { leaseMs: milliseconds(1_000).default(defaults.leaseMs) };

export const leaseOptions: z.ZodType<{ leaseMs: number }, LeaseOptions> = z.strictObject(leaseFields);

export const leasedOptions = z.strictObject({
  ...leaseFields,
  heartbeat: z.boolean().default(false),
  keyHeadsOnly: z.boolean().default(false),
});
