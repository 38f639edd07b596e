import type { EventRef, LeaseFence, OutcomeReceipt } from "@omni-box/core";
import type { MemoryOutboxRepository } from "@omni-box/core/testing";

/** Records each row under whatever lease it has now. */
export async function recordUnfenced<Row extends EventRef>(
  base: MemoryOutboxRepository,
  rows: readonly Row[],
  record: (fence: LeaseFence, row: Row) => Promise<OutcomeReceipt>,
): Promise<OutcomeReceipt> {
  const tokens = new Map(base.all().map(({ seq, lease }) => [seq, lease?.token]));
  const receipts = await Promise.all(
    rows.map((row) => record({ kind: "lease", token: tokens.get(row.seq) ?? "" }, row)),
  );
  return { missing: receipts.flatMap(({ missing }) => missing) };
}
