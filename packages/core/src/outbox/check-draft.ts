import type { StandardSchemaV1 } from "@standard-schema/spec";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";
import { discreetIssueMessage } from "./discreet-issue-message.js";

const maxIssues = 10;

/**
 * Checks what a draft's creation could not: the payload's size and its schema, which may be asynchronous.
 *
 * @throws {OmniBoxError} MESSAGE.INVALID_PAYLOAD when the payload is larger than `payloadMaxBytes`.
 * @throws {OmniBoxError} MESSAGE.SCHEMA_MISMATCH when the schema refuses it.
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
  const { schema } = draft;
  if (schema === null) return;
  const { issues } = await schema["~standard"].validate(draft.payload);
  if (issues !== undefined) throw schemaMismatch(draft, schema, issues);
}

function schemaMismatch(
  draft: OutboxEventDraft,
  schema: StandardSchemaV1,
  issues: readonly StandardSchemaV1.Issue[],
): OmniBoxError {
  const content = { payload: draft.payload, schema };
  const problems = issues.slice(0, maxIssues).map((issue) => {
    const keys = (issue.path ?? []).map((part) => String(typeof part === "object" ? part.key : part));
    return `${["payload", ...keys].join(".")}: ${discreetIssueMessage(issue, content)}`;
  });
  const more = issues.length > maxIssues ? ` (and ${issues.length - maxIssues} more)` : "";
  return new OmniBoxError(
    "MESSAGE.SCHEMA_MISMATCH",
    `the payload of "${draft.type}" version ${draft.schemaVersion} does not match its schema: ${problems.join("; ")}${more}`,
    { meta: { type: draft.type, version: draft.schemaVersion, problems } },
  );
}
