import { outcomeStatements } from "./bulk-commit.js";
import type { CommitStrategy } from "./commit-strategy.js";
import { oneByOne, recordInOrder } from "./record-until-known.js";

/** Records each event with a statement of its own, for repositories that cannot write many rows at once. */
export function singleCommit(): CommitStrategy {
  return Object.freeze<CommitStrategy>({
    name: "singleCommit",
    requires: [],
    commit: (repository, fence, rows, context) =>
      recordInOrder(outcomeStatements(repository, fence, rows).flatMap(oneByOne), context),
  });
}
