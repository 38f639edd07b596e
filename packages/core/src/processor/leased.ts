import { randomUUID } from "node:crypto";
import { validateOptions } from "../errors/validate-options.js";
import { type LeaseOptions, leaseOptions } from "./fetch-options.js";
import type { FetchStrategy } from "./fetch-strategy.js";
import { startLeaseDeadline } from "./lease-deadline.js";

/**
 * Leases each row for a time, in one statement per batch; any worker may take any due row.
 *
 * For work whose order does not matter. Rows of a worker that died come back when its lease runs out.
 */
export function leased(options: LeaseOptions = {}): FetchStrategy {
  const { leaseMs } = validateOptions("leased", leaseOptions, options);
  return Object.freeze<FetchStrategy>({
    name: "leased",
    leaseMs,
    requires: ["leasedClaim"],
    async fetch(repository, { workerId, limit, filters, clock }) {
      const token = randomUUID();
      const deadline = startLeaseDeadline(clock, leaseMs);
      const events = await repository.claim({ token, workerId, leaseMs, limit, ...(filters && { filters }) });
      return { events, fence: { kind: "lease", token }, deadline };
    },
  });
}
