import { OmniBoxError } from "../errors/omni-box-error.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";
import { validatePayload } from "../schemas/validate-payload.js";

/**
 * Checks what a draft's creation could not: the payload's size and its schema, which may be asynchronous.
 *
 * @throws {OmniBoxError} MESSAGE.INVALID_PAYLOAD when the payload is larger than `payloadMaxBytes`.
 * @throws {OmniBoxError} MESSAGE.SCHEMA_MISMATCH when the schema refuses it, or throws.
 */
export async function checkDraft(draft: OutboxEventDraft, payloadMaxBytes: number): Promise<void> {
  const bytes = Buffer.byteLength(JSON.stringify(draft.payload));
  if (bytes > payloadMaxBytes) {
    throw new OmniBoxError(
      "MESSAGE.INVALID_PAYLOAD",
      `the payload of "${draft.type}" must have at most ${payloadMaxBytes} bytes as JSON, it has ${bytes}: ` +
        "store large content elsewhere and send a reference",
      { meta: { type: draft.type, limit: payloadMaxBytes, bytes } },
    );
  }
  if (draft.schema !== null) await validatePayload(draft.schema, draft);
}
