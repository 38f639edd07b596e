import { createHash } from "node:crypto";
import { defaults } from "../defaults.js";
import type { FailureDescription } from "../errors/describe-failure.js";
import type { Outcome } from "../pipeline/outcome.js";
import { decideRows } from "../processor/decide-rows.js";
import type { InboxRow } from "../protocols/inbox-event-repository.js";
import type { RetryDecisions } from "../resilience/retry-decisions.js";
import type { Delivery } from "./inbox-consumer-delivery.js";
import { undecodableIdPrefix } from "./undecodable-draft.js";

const untouched = { attemptsMade: 0, startedAttempts: 0, delayMs: null, error: null } as const;

/** A row for the processor, due at once, with no attempt spent. */
export function pendingRow({ draft }: Delivery): InboxRow {
  return { draft, status: "pending", ...untouched };
}

/** A row for the processor to work on alone, because the message may have killed a process before. */
export function suspectRow({ draft }: Delivery): InboxRow {
  return { draft, status: "pending", ...untouched, startedAttempts: 1 };
}

/** A row of a message that is given up; that counts as one more attempt. */
export function failedRow({ draft, event }: Delivery, { message }: FailureDescription): InboxRow {
  const attemptsMade = Math.min(event.attemptsMade + 1, draft.maxAttempts);
  return { draft, status: "failed", ...untouched, attemptsMade, error: message };
}

/** The row that keeps the final outcome of a message whose transaction was rolled back. */
export function rowOfOutcome(delivery: Delivery, outcome: Outcome, retry: RetryDecisions): InboxRow {
  const { draft, event } = delivery;
  // An outage behind the handler is over in a moment, or is for the processor to wait for.
  const rules = { retry, deferDelayMs: defaults.retryBaseMs, keepsInMemory: false };
  const { pending, failed } = decideRows([{ event, outcome }], rules);
  // The row is new: there is no earlier error that a deferral would have to leave.
  const reason = outcome.kind === "defer" ? outcome.failure.message : null;
  for (const { attemptsMade, delayMs, error } of pending)
    return { draft, status: "pending", startedAttempts: 0, attemptsMade, delayMs, error: error ?? reason };
  for (const { attemptsMade, error } of failed)
    return { draft, status: "failed", startedAttempts: 0, attemptsMade, delayMs: null, error };
  return { draft, status: "completed", ...untouched, attemptsMade: event.attemptsMade };
}

/** What can be stored of a row of which the store has refused a value; the second is tried when the first is refused too. */
export function rowsWithoutRefusedValues(
  { draft }: InboxRow,
  { message }: Delivery,
  failure: FailureDescription,
): readonly InboxRow[] {
  const bare: InboxRow = {
    draft: {
      ...draft,
      messageId: isPrintable(draft.messageId) ? draft.messageId : `${undecodableIdPrefix}${sha256(draft.messageId)}`,
      source: isPrintable(draft.source) ? draft.source : "unknown",
      type: "undecodable",
      schemaVersion: "1",
      topic: "undecodable",
      partitionKey: draft.id,
      payload: {},
      headers: {},
      senderSeq: null,
      traceId: null,
      correlationId: null,
      causationId: null,
      body: null,
    },
    status: "failed",
    startedAttempts: 0,
    attemptsMade: 1,
    delayMs: null,
    error: failure.message,
  };
  return [{ ...bare, draft: { ...bare.draft, body: message.body } }, bare];
}

function isPrintable(text: string): boolean {
  return /^[ -~]+$/.test(text);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
