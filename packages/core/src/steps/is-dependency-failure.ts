import type { Outcome } from "../pipeline/outcome.js";

const ownMatters = /^(?:STORE|LOCK|PIPELINE)\.|^INBOX\.(?:HANDLER_RETRY|LEASE_LOST|NO_HANDLER)$/;

/**
 * Whether an outcome speaks against what the work depends on: not one about the event, such as what a handler asks for by
 * `handlerRetry`, nor one about omni-box and its database.
 */
export function isDependencyFailure(outcome: Outcome): boolean {
  return (outcome.kind === "retry" || outcome.kind === "defer") && !ownMatters.test(outcome.failure.code);
}
