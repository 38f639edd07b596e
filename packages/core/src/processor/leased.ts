import { randomUUID } from "node:crypto";
import { validateOptions } from "../errors/validate-options.js";
import { type LeasedOptions, leasedOptions } from "./fetch-options.js";
import type { FetchStrategy } from "./fetch-strategy.js";
import { startLeaseDeadline } from "./lease-deadline.js";

/**
 * Leases each row for a time, in one statement per batch; any worker may take any due row.
 *
 * For work whose order does not matter, unless `keyHeadsOnly` is set. Rows of a worker that died come back when its lease runs out.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function leased(options: LeasedOptions = {}): FetchStrategy {
  const { leaseMs, heartbeat, keyHeadsOnly } = validateOptions("leased", leasedOptions, options);
  return Object.freeze<FetchStrategy>({
    name: "leased",
    leaseMs,
    heartbeat,
    requires: keyHeadsOnly ? ["leasedClaim", "keyHeads"] : ["leasedClaim"],
    open: (repository, { workerId, clock }) => ({
      seesAll: true,
      async fetch({ limit, filters }) {
        const token = randomUUID();
        const deadline = startLeaseDeadline(clock, leaseMs);
        const request = { token, workerId, leaseMs, limit, ...(filters && { filters }) };
        const events = await repository.claim(keyHeadsOnly ? { ...request, keyHeadsOnly } : request);
        return { events, fence: { kind: "lease", token }, deadline };
      },
      close: async () => undefined,
    }),
  });
}
