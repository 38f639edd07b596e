import { OmniBoxError } from "@omni-box/core";
import { runCreation } from "./run-creation.js";
import { among, updateLocked } from "./run-update.js";
import type { WatchedOperation } from "./watched-operation.js";

/** Times that the row may come or go between the look and the write. */
const attemptsMax = 5;

/**
 * Runs an upsert as the update of a row that was locked before, or as the creation of one.
 *
 * A row that another transaction creates in between would be updated without its state having been read. So where there is no
 * row the update is ruled out: the creation fails, and the row that is there now is locked and updated.
 */
export async function runUpsert(given: WatchedOperation): Promise<unknown> {
  const { args, rows, model } = given;
  const selection = { where: args.where, isUnique: true };
  let conflict: unknown;
  for (let attempt = 1; attempt <= attemptsMax; attempt += 1) {
    const locked = await rows.lock(selection);
    if (locked.rows.length === 0) {
      // Nor is it now, so the conflict is one of another key.
      if (conflict !== undefined) throw conflict;
      const created = await createOrConflict(given);
      if ("result" in created) return created.result;
      conflict = created.conflict;
    } else if (locked.isExact || (await rows.isThere(selection))) {
      return updateLocked(given, locked);
    }
  }
  throw new OmniBoxError(
    "STORE.CONFLICT",
    `could not upsert a row of ${model.name}: others created and changed it ${attemptsMax} times meanwhile`,
    { meta: { model: model.name } },
  );
}

/** Creates the row, or leaves the transaction as it was where a row with the same key exists. */
async function createOrConflict(given: WatchedOperation): Promise<{ result: unknown } | { conflict: unknown }> {
  const { args, client, model, query } = given;
  const creation = { ...given, args: { ...args, where: among(given, []) } };
  const isToldOf = model.transitions.some(({ includeCreations }) => includeCreations);
  await client.$executeRawUnsafe("SAVEPOINT omni_box_upsert");
  try {
    const result = await (isToldOf ? runCreation(creation) : query(creation.args));
    await client.$executeRawUnsafe("RELEASE SAVEPOINT omni_box_upsert");
    return { result };
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    await client.$executeRawUnsafe("ROLLBACK TO SAVEPOINT omni_box_upsert");
    await client.$executeRawUnsafe("RELEASE SAVEPOINT omni_box_upsert");
    return { conflict: error };
  }
}

/** https://www.prisma.io/docs/orm/reference/error-reference#p2002 */
function isUniqueViolation(error: unknown): boolean {
  return typeof error === "object" && error !== null && Reflect.get(error, "code") === "P2002";
}
