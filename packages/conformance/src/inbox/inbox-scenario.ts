import type {
  EventRef,
  InboxEvent,
  InboxEventDraft,
  InboxEventRepository,
  InboxTransaction,
  InsertOptions,
  LeaseFence,
  StoredMessage,
} from "@omni-box/core";
import { isOmniBoxError } from "@omni-box/core";
import { type EventScenario, openEvents } from "../repository/event-scenario.js";
import type { InboxRepositoryFeature, InboxRepositoryHarness } from "./inbox-repository-harness.js";
import { rowOf } from "./sample-message.js";

/** How long transactions of the cases may take when nothing is wrong. */
export const transactionTimeoutMs = 20_000;

/** The steps that cases are written in, over one repository of the harness. */
export interface InboxScenario extends EventScenario<InboxEvent> {
  readonly repository: InboxEventRepository<unknown>;
  /** Stores the messages as pending. */
  storePending(drafts: readonly InboxEventDraft[]): Promise<readonly StoredMessage[]>;
  /** A transaction with the common time-out. */
  transaction<Result>(work: (tx: InboxTransaction<unknown>) => Promise<Result>): Promise<Result>;
  /** Handles messages as the inline consumer does: rows first, then one effect of each new message, named by its message id. */
  handle(drafts: readonly InboxEventDraft[], options?: InsertOptions): Promise<readonly StoredMessage[]>;
  /** Handles a taken event as the processor does: one effect, then `complete`; `false` when the lease was lost. */
  process(event: InboxEvent, fence: LeaseFence): Promise<boolean>;
}

/** Opens another process's view of the harness's store. */
export function openInbox(
  harness: InboxRepositoryHarness<unknown>,
  features: readonly InboxRepositoryFeature[],
): InboxScenario {
  const repository = harness.createRepository();
  const transaction: InboxScenario["transaction"] = (work) =>
    repository.transaction(work, { timeoutMs: transactionTimeoutMs });
  return {
    ...openEvents(repository, features),
    repository,
    transaction,
    storePending: (drafts) => repository.store(drafts.map((draft) => rowOf(draft))),
    handle: (drafts, options = { behindPending: "insert" }) =>
      transaction(async (tx) => {
        const answers = await tx.insertCompleted(drafts, options);
        for (const [index, { kind }] of answers.entries()) {
          if (kind === "stored") await harness.writeEffect(tx.client, drafts[index]?.messageId ?? "");
        }
        return answers;
      }),
    process: (event, fence) =>
      completeWith(transaction, event, fence, (tx) => harness.writeEffect(tx, event.messageId)),
  };
}

async function completeWith(
  transaction: InboxScenario["transaction"],
  row: EventRef,
  fence: LeaseFence,
  writeEffect: (tx: unknown) => Promise<void>,
): Promise<boolean> {
  const lost = new Error("the lease was lost");
  try {
    await transaction(async (tx) => {
      await writeEffect(tx.client);
      if (!(await tx.complete(fence, row))) throw lost;
    });
    return true;
  } catch (error) {
    if (error !== lost) throw error;
    return false;
  }
}

/** Runs something again as often as it collides with another transaction, as the consumer does. */
export async function repeatConflicts<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let left = 20; ; left -= 1) {
    try {
      return await run();
    } catch (error) {
      if (left === 0 || !isOmniBoxError(error, "STORE.CONFLICT")) throw error;
    }
  }
}

/** What each answer says, without its id. */
export function kindsOf(answers: readonly StoredMessage[]): StoredMessage["kind"][] {
  return answers.map(({ kind }) => kind);
}
