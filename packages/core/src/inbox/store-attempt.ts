import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import type { InboxEventRepository, InboxRow, StoredMessage } from "../protocols/inbox-event-repository.js";

/** How one store statement ended. */
export type StoreAttempt =
  /** One answer per row, in the order given. */
  | { readonly kind: "stored"; readonly answers: readonly StoredMessage[] }
  /** A value of a row was refused; nothing was written. */
  | { readonly kind: "refused"; readonly failure: FailureDescription }
  /** Another transaction holds one of the messages; nothing was written. */
  | { readonly kind: "conflict"; readonly failure: FailureDescription }
  /** Anything else: the store cannot be used now, and the statement may have been carried out. */
  | { readonly kind: "outage"; readonly failure: FailureDescription };

/** Stores rows in one statement. A message that is among them twice is stored once. Never rejects. */
export async function attemptStore<Tx>(
  repository: InboxEventRepository<Tx>,
  rows: readonly InboxRow[],
): Promise<StoreAttempt> {
  const firsts = firstPositions(rows.map(({ draft }) => draft.messageId));
  const unique = rows.filter((_, index) => firsts[index] === index);
  try {
    const stored = await repository.store(unique);
    const byMessageId = new Map(unique.map(({ draft }, index) => [draft.messageId, stored[index]]));
    const answers = rows.flatMap(({ draft, status }, index): readonly StoredMessage[] => {
      const answer = byMessageId.get(draft.messageId);
      if (answer === undefined) return [];
      if (firsts[index] === index || answer.kind !== "stored") return [answer];
      return [{ kind: "duplicate", id: answer.id, status }];
    });
    return { kind: "stored", answers };
  } catch (error) {
    const failure = describeFailure(error);
    if (isOmniBoxError(error, "STORE.DATA_ERROR")) return { kind: "refused", failure };
    if (isOmniBoxError(error, "STORE.CONFLICT")) return { kind: "conflict", failure };
    return { kind: "outage", failure };
  }
}

/** For each name the position at which it comes first. */
export function firstPositions(names: readonly string[]): readonly number[] {
  const firsts = new Map<string, number>();
  return names.map((name, index) => {
    const first = firsts.get(name) ?? index;
    firsts.set(name, first);
    return first;
  });
}
