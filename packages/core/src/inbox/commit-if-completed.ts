import { type Outcome, outcome } from "../pipeline/outcome.js";
import type {
  InboxEventRepository,
  InboxTransaction,
  InboxTransactionOptions,
} from "../protocols/inbox-event-repository.js";

/** Carries an outcome out of a transaction that has to be rolled back. */
class RolledBack extends Error {
  constructor(readonly outcome: Outcome) {
    super("the transaction was rolled back on purpose");
  }
}

/**
 * Runs work in a transaction that commits when its outcome is `completed` and rolls back for every other. Never rejects.
 *
 * `meaningOf` says what an error means, which is the repository's version of what was thrown; default: what its class says.
 * A transient failure means that the commit may have happened.
 */
export async function commitIfCompleted<Tx>(
  repository: InboxEventRepository<Tx>,
  options: InboxTransactionOptions,
  work: (tx: InboxTransaction<Tx>) => Promise<Outcome>,
  meaningOf: (error: unknown) => Outcome = outcome.ofError,
): Promise<Outcome> {
  try {
    return await repository.transaction(async (tx) => {
      const result = await work(tx);
      if (result.kind !== "completed") throw new RolledBack(result);
      return result;
    }, options);
  } catch (error) {
    return error instanceof RolledBack ? error.outcome : meaningOf(error);
  }
}
