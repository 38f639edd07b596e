import { kindOfError } from "../errors/kind-of-error.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { OutboxEventDraft } from "../events/outbox-event-draft.js";
import { issueDescriber } from "./discreet-issue-message.js";

const maxIssues = 10;

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
  const issues = await issuesOf(draft);
  if (issues !== null) throw schemaMismatch(draft, issues);
}

/** What a schema complains about, worded without anything from the payload. */
interface Issues {
  readonly count: number;
  readonly problems: readonly string[];
}

/** `null` when the schema accepts the payload. */
async function issuesOf({ schema, payload, type, schemaVersion }: OutboxEventDraft): Promise<Issues | null> {
  if (schema === null) return null;
  try {
    const { issues } = await schema["~standard"].validate(payload);
    if (issues === undefined) return null;
    const describeIssue = issueDescriber(payload);
    return { count: issues.length, problems: issues.slice(0, maxIssues).map(describeIssue) };
  } catch (error) {
    // Not its cause: what application code throws while it reads a payload may quote it.
    throw new OmniBoxError(
      "MESSAGE.SCHEMA_MISMATCH",
      `the schema of "${type}" version ${schemaVersion} threw ${kindOfError(error)} instead of answering; ` +
        "its words are not shown since they may hold data. Mend the schema, or the payload that it cannot take",
      { meta: { type, version: schemaVersion } },
    );
  }
}

function schemaMismatch(draft: OutboxEventDraft, { count, problems }: Issues): OmniBoxError {
  const listed = count === 0 ? "it names no issue" : problems.join("; ");
  const more = count > maxIssues ? ` (and ${count - maxIssues} more)` : "";
  return new OmniBoxError(
    "MESSAGE.SCHEMA_MISMATCH",
    `the payload of "${draft.type}" version ${draft.schemaVersion} does not match its schema: ${listed}${more}`,
    { meta: { type: draft.type, version: draft.schemaVersion, problems } },
  );
}
