import { OmniBoxError } from "@omni-box/core";
import { isOneOf, type Row } from "./row.js";
import { changesBetween } from "./tell-changes.js";
import type { WatchedOperation } from "./watched-operation.js";
import type { LockedRows } from "./watched-rows.js";

/** Runs an update of any number of rows, between the locking of those rows and the telling of their changes. */
export async function runUpdate(given: WatchedOperation): Promise<unknown> {
  const { operation, args, rows } = given;
  refuseNewIds(given, args.data);
  const isUnique = operation === "update";
  const locked = await rows.lock({ where: args.where, isUnique, limit: args.limit });
  return updateLocked(given, locked);
}

/** Runs an operation that updates nothing but locked rows, and tells of the changes. */
export async function updateLocked(given: WatchedOperation, locked: LockedRows): Promise<unknown> {
  const { args, query, model, rows } = given;
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

/**
 * Refuses an update of the id: the row could not be found again, and its events would be of two aggregates.
 *
 * @throws {OmniBoxError} OUTBOX.TRANSITION_REFUSED
 */
export function refuseNewIds({ model, operation }: WatchedOperation, data: unknown): void {
  if (typeof data !== "object" || data === null) return;
  const changed = model.idFields.filter((field) => Reflect.get(data, field) !== undefined);
  if (changed.length === 0) return;
  throw new OmniBoxError(
    "OUTBOX.TRANSITION_REFUSED",
    `${operation} of ${model.name} would change the id (${changed.join(", ")}) together with a state that is told of: ` +
      "do one after the other",
    { meta: { model: model.name, operation } },
  );
}
