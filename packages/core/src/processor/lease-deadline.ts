import type { Clock } from "../protocols/clock.js";

/** When a lease must be considered over on this machine. */
export interface LeaseDeadline {
  /** Zero or less when it is over. */
  remainingMs(): number;
}

/**
 * Starts counting a lease that is about to be requested; call it before the request is sent.
 *
 * The monotonic clock may stand still while a machine is suspended and the wall clock may step back, so the lease is over
 * as soon as either of them says so.
 */
export function startLeaseDeadline(clock: Clock, leaseMs: number): LeaseDeadline {
  const monotonicEnd = clock.monotonicMs() + leaseMs;
  const wallEnd = clock.now() + leaseMs;
  return { remainingMs: () => Math.min(monotonicEnd - clock.monotonicMs(), wallEnd - clock.now()) };
}
