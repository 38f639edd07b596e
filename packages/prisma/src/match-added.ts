import type { AddedEvent, OutboxEventDraft } from "@omni-box/core";

/** Says of each draft, in the order given, what the insert made of it. What was not inserted was stored before. */
export function matchAdded(
  drafts: readonly OutboxEventDraft[],
  inserted: readonly { readonly seq: bigint; readonly id: string }[],
): readonly AddedEvent[] {
  const seqById = new Map(inserted.map(({ id, seq }) => [id, seq]));
  return drafts.map(({ id }) => {
    const seq = seqById.get(id) ?? null;
    // One draft given twice was inserted once.
    seqById.delete(id);
    return Object.freeze({ id, seq, duplicate: seq === null });
  });
}
