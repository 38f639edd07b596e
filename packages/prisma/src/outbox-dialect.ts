import type { OutboxEvent, OutboxEventDraft } from "@omni-box/core";
import type { BucketDialect } from "./bucket-dialect.js";
import type { EventDialect, StoreSetting } from "./event-dialect.js";
import type { Statement } from "./statement.js";

/** The SQL of an outbox repository. */
export interface OutboxDialect extends EventDialect<OutboxEvent> {
  readonly buckets: BucketDialect;
  /** Inserts in the order given and returns `seq` and `id` of what was inserted; nothing when the setting differs. */
  add(drafts: readonly OutboxEventDraft[], setting: StoreSetting): Statement;
  /** Returns the recorded setting as `bucket_count` and `hash_version`. */
  setting(): Statement;
}
