import type { StandardSchemaV1 } from "@standard-schema/spec";
import { kindOfError } from "../errors/kind-of-error.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { JsonObject } from "../events/json.js";
import { issueDescriber } from "../outbox/discreet-issue-message.js";

const maxIssues = 10;

/** A payload, and the kind of event that it is of, for messages. */
export interface TypedPayload {
  readonly type: string;
  readonly schemaVersion: string;
  readonly payload: JsonObject;
}

/**
 * Asks a schema, which may be asynchronous, and answers with the payload in its output form.
 *
 * @throws {OmniBoxError} MESSAGE.SCHEMA_MISMATCH when the schema refuses the payload, or throws. Nothing of the payload is in it.
 */
export async function validatePayload(schema: StandardSchemaV1, event: TypedPayload): Promise<unknown> {
  const answer = await ask(schema, event);
  if ("value" in answer) return answer.value;
  throw schemaMismatch(event, answer);
}

/** What a schema complains about, worded without anything from the payload. */
interface Complaint {
  readonly count: number;
  readonly problems: readonly string[];
}

async function ask(
  schema: StandardSchemaV1,
  { type, schemaVersion, payload }: TypedPayload,
): Promise<{ readonly value: unknown } | Complaint> {
  try {
    const result = await schema["~standard"].validate(payload);
    if (result.issues === undefined) return { value: result.value };
    const describeIssue = issueDescriber(payload);
    return { count: result.issues.length, problems: result.issues.slice(0, maxIssues).map(describeIssue) };
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

function schemaMismatch({ type, schemaVersion }: TypedPayload, { count, problems }: Complaint): OmniBoxError {
  const listed = count === 0 ? "it names no issue" : problems.join("; ");
  const more = count > maxIssues ? ` (and ${count - maxIssues} more)` : "";
  return new OmniBoxError(
    "MESSAGE.SCHEMA_MISMATCH",
    `the payload of "${type}" version ${schemaVersion} does not match its schema: ${listed}${more}`,
    { meta: { type, version: schemaVersion, problems } },
  );
}
