import type { OutboxEvent } from "@omni-box/core";
import type { OutboxEventRecord } from "../prisma-model-client-like.js";

/** Makes the event of a model's record, without the columns that only an administration reads. */
export function readEventRecord(record: OutboxEventRecord): OutboxEvent {
  const { leaseToken: token, leaseUntil: until, lockedBy, ...others } = record;
  const { failedAt, deadLetteredAt, deadLetterAttempts, deadLetterAt, history, ...fields } = others;
  return Object.freeze({
    ...fields,
    payload: Object.freeze(fields.payload),
    headers: Object.freeze(fields.headers),
    lease: token === null || until === null ? null : Object.freeze({ token, until, workerId: lockedBy ?? "" }),
  });
}
