import { OmniBoxError } from "@omni-box/core";
import { idText, isOneOf, type Row } from "./row.js";
import { changesBetween } from "./tell-changes.js";
import type { WatchedOperation } from "./watched-operation.js";
import type { LockedRows } from "./watched-rows.js";

/** Runs an update of any number of rows, between the locking of those rows and the telling of their changes. */
export async function runUpdate(given: WatchedOperation): Promise<unknown> {
  const { operation, args, rows } = given;
  const isUnique = operation === "update";
  const locked = await rows.lock({ where: args.where, isUnique, limit: args.limit });
  return updateLocked(given, locked);
}

/**
 * Runs an operation that updates nothing but locked rows, and tells of the changes.
 *
 * @throws {OmniBoxError} OUTBOX.TRANSITION_REFUSED when it would give a row another id.
 */
export async function updateLocked(given: WatchedOperation, locked: LockedRows): Promise<unknown> {
  const { args, query, model, rows } = given;
  refuseNewIds(given, locked.rows);
  const result = await query(locked.isExact ? args : { ...args, where: among(given, locked.rows) });
  const tellOfChanges = async () => {
    const changes = changesBetween(model, locked.rows, await rows.read(locked.rows));
    if (changes.length === 0) return;
    await given.confirmOnce(locked, changes.length);
    await given.tell(changes);
  };
  await given.scope.mustSucceed(tellOfChanges());
  return result;
}

/** The operation's own condition, for these rows alone: what comes to meet it later is not locked. */
export function among({ args, model }: WatchedOperation, rows: readonly Row[]): object {
  const where = (args.where ?? {}) as { readonly AND?: unknown };
  const conditions = where.AND === undefined ? [] : [where.AND].flat();
  return { ...where, AND: [...conditions, isOneOf(model, rows)] };
}

/** A row whose id changes could not be found again, and its events would be of two aggregates. */
function refuseNewIds({ model, operation, args }: WatchedOperation, rows: readonly Row[]): void {
  const data = ((operation === "upsert" ? args.update : args.data) ?? {}) as Row;
  const changed = model.idFields.filter((field) => {
    const given = data[field];
    const value = typeof given === "object" && given !== null && "set" in given ? given.set : given;
    return value !== undefined && rows.some((row) => idText(row[field]) !== idText(value));
  });
  if (changed.length === 0) return;
  throw new OmniBoxError(
    "OUTBOX.TRANSITION_REFUSED",
    `${operation} of ${model.name} would change the id (${changed.join(", ")}) together with a state that is told of: ` +
      "do one after the other",
    { meta: { model: model.name, operation } },
  );
}
