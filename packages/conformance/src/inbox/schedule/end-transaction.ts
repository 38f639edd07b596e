import { isOmniBoxError } from "@omni-box/core";
import type { InboxRepositoryHarness } from "../inbox-repository-harness.js";
import type { End } from "./schedule-step.js";

const rolledBack = new Error("rolled back by the schedule");

/** Does in a transaction what makes it end so. */
export async function endTransaction(harness: InboxRepositoryHarness<unknown>, tx: unknown, end: End): Promise<void> {
  if (end === "roll-back") throw rolledBack;
  if (end === "swallow-error") await harness.failStatement(tx).catch(() => "swallowed, as a careless handler does");
}

/** Whether a transaction ended as it should; rejects with any other error than that. */
export async function isExpectedEnd(transaction: Promise<unknown>, end: End): Promise<boolean> {
  try {
    await transaction;
    return end === "commit";
  } catch (error) {
    if (end === "roll-back" && error === rolledBack) return true;
    if (end === "swallow-error" && isOmniBoxError(error, "INBOX.TRANSACTION_ABORTED")) return true;
    throw error;
  }
}
