import { kindOfError } from "../errors/kind-of-error.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { type EventMigration, stepName } from "../events/event-migration.js";
import type { JsonObject } from "../events/json.js";
import { copyPlainJson, type JsonProblem } from "../events/plain-json.js";

/** A path whose parts are field names and indices; others may be data that became a key. */
const fieldPath = /^payload(\.[A-Za-z_$]{1,40}\d{0,4}|\[\d+\])*$/;

/**
 * Runs migrations one after the other; each is given a frozen copy.
 *
 * @throws {OmniBoxError} MESSAGE.MIGRATION_FAILED when one throws, or answers with something else than a plain JSON object;
 *   names the type and the step, and nothing of the payload.
 */
export async function migratePayload(
  type: string,
  payload: JsonObject,
  steps: readonly EventMigration[],
): Promise<JsonObject> {
  const [first] = steps;
  if (first === undefined) return payload;
  let current = plainJson(type, first, "was given", payload);
  for (const step of steps) current = plainJson(type, step, "answered with", await run(type, step, current));
  return current;
}

async function run(type: string, step: EventMigration, payload: JsonObject): Promise<unknown> {
  try {
    return await step.migrate(payload);
  } catch (error) {
    throw migrationFailed(
      type,
      step,
      `threw ${kindOfError(error)}, whose words are not shown since they may hold data. Mend the migration, or the payload ` +
        "that it cannot take",
    );
  }
}

function plainJson(type: string, step: EventMigration, verb: string, value: unknown): JsonObject {
  const copied = copyPlainJson("payload", value);
  if (copied.ok) return copied.value;
  throw migrationFailed(
    type,
    step,
    `${verb} a payload that is not plain JSON: ${copied.problems.map(shown).join("; ")}`,
  );
}

function shown({ path, message }: JsonProblem): string {
  return `${fieldPath.test(path) ? path : "payload.*"} ${message}`;
}

function migrationFailed(type: string, step: EventMigration, problem: string): OmniBoxError {
  const { from, to } = step;
  return new OmniBoxError("MESSAGE.MIGRATION_FAILED", `the migration of "${type}" ${stepName(step)} ${problem}`, {
    meta: { type, from, to },
  });
}
