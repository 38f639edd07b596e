import { type AddedEvent, OmniBoxError, type OutboxEventDraft, partitionBucket } from "@omni-box/core";
import type { StoreSetting } from "../event-dialect.js";
import { matchAdded } from "../match-added.js";
import type {
  OutboxEventDelegateLike,
  OutboxEventInsert,
  PrismaModelClientLike,
  PrismaModelTransactionLike,
} from "../prisma-model-client-like.js";
import { describeSettingMismatch, storeNotReady } from "../store-not-ready.js";

/** How drafts are inserted. */
export interface InsertOptions {
  readonly setting: StoreSetting;
  /** Whether Prisma's `skipDuplicates` exists for the database. */
  readonly skipDuplicates: boolean;
}

/** Inserts drafts through the models, in the order given, and says what became of each. */
export async function insertDrafts(
  { outboxEvent, outboxSetting }: PrismaModelTransactionLike | PrismaModelClientLike,
  drafts: readonly OutboxEventDraft[],
  { setting, skipDuplicates }: InsertOptions,
): Promise<readonly AddedEvent[]> {
  const recorded = (await outboxSetting.findFirst({ where: { id: 1 } })) ?? undefined;
  if (describeSettingMismatch(setting, recorded) !== null) throw storeNotReady(setting, recorded);

  const seen = new Set((await readSeqs(outboxEvent, drafts)).map(({ id }) => id));
  const fresh = drafts.filter(({ id }) => !seen.has(id) && seen.add(id));
  const inserted = new Set<string>();
  for (const group of groupByAnswer(fresh)) {
    const data = group.map((draft) => toInsert(draft, setting.bucketCount));
    const { count } = await outboxEvent.createMany({ data, ...(skipDuplicates && { skipDuplicates }) });
    if (count === group.length) for (const { id } of group) inserted.add(id);
    else if (group.length > 1) throw addedMeanwhile();
  }
  const stored = await readSeqs(
    outboxEvent,
    drafts.filter(({ id }) => inserted.has(id)),
  );
  return matchAdded(drafts, stored);
}

/**
 * Splits drafts into inserts whose count tells which of them were duplicates. An idempotency key can be taken by someone else
 * at this very moment, so its event goes alone; random ids cannot, so the others go together.
 */
function groupByAnswer(drafts: readonly OutboxEventDraft[]): readonly (readonly OutboxEventDraft[])[] {
  const groups: OutboxEventDraft[][] = [];
  let open: OutboxEventDraft[] | null = null;
  for (const draft of drafts) {
    if (draft.idempotencyKey !== null) {
      groups.push([draft]);
      open = null;
    } else if (open === null) {
      open = [draft];
      groups.push(open);
    } else {
      open.push(draft);
    }
  }
  return groups;
}

async function readSeqs(
  outboxEvent: OutboxEventDelegateLike,
  drafts: readonly OutboxEventDraft[],
): Promise<readonly { readonly id: string; readonly seq: bigint }[]> {
  if (drafts.length === 0) return [];
  const ids = drafts.map(({ id }) => id);
  const rows = await outboxEvent.findMany({ where: { id: { in: ids } }, select: { id: true, seq: true } });
  return rows as { id: string; seq: bigint }[];
}

function toInsert(draft: OutboxEventDraft, bucketCount: number): OutboxEventInsert {
  const { schema: _notStored, ...stored } = draft;
  return { ...stored, headers: { ...stored.headers }, bucket: partitionBucket(draft.partitionKey, bucketCount) };
}

function addedMeanwhile(): OmniBoxError {
  return new OmniBoxError(
    "STORE.CONFLICT",
    "another transaction added some of the same events at the same time: roll back and run the transaction again",
  );
}
