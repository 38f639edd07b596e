import { outcomeStatements } from "./bulk-commit.js";
import type { CommitStrategy } from "./commit-strategy.js";
import { mergeReports, recordUntilKnown } from "./record-until-known.js";

/** Records each event with a statement of its own, for repositories that cannot write many rows at once. */
export function singleCommit(): CommitStrategy {
  return Object.freeze<CommitStrategy>({
    name: "singleCommit",
    requires: [],
    async commit(repository, fence, rows, context) {
      const reports = [];
      for (const each of outcomeStatements(repository, fence, rows)) {
        for (const row of each.rows) reports.push(await recordUntilKnown({ ...each, rows: [row] }, context));
      }
      return mergeReports(reports);
    },
  });
}
