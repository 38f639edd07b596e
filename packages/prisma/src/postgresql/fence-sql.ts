import type { Fence } from "@omni-box/core";

/** What a kind of fence adds to an outcome statement, whose rows are `$1`. */
export interface FenceSql {
  /** Common table expressions, each followed by a comma, that run before the change. */
  readonly with: string;
  /** The condition on the row `event` under which it may be changed. */
  readonly condition: string;
}

/**
 * The row `event` is pending, in words that match no partial index: an event that is found by its key must not be looked for in
 * an index of all pending ones, which is what the planner does when old statistics say that there are few.
 */
export const isStillPending = "event.status NOT IN ('completed', 'failed')";

/**
 * The fence of row leases: the row itself still carries the token.
 *
 * The condition is on the row that is changed, so after a wait for another transaction PostgreSQL checks it again on the row's
 * newest version. A fence that lives in another table has to lock its rows there (`FOR KEY SHARE`) to be as good. The time
 * of the lease is no part of it: a late outcome of an event that nobody took over is still true.
 */
export const leaseFenceSql: FenceSql = Object.freeze({
  with: "",
  condition: `event.lease_token = $2::uuid AND ${isStillPending}`,
});

/** The values of a fence's parameters, `$2` and following. */
export function fenceValues(fence: Fence): readonly unknown[] {
  return [fence.token];
}
