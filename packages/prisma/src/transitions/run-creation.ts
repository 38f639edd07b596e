import { OmniBoxError } from "@omni-box/core";
import type { OperationArgs } from "./find-touched.js";
import type { Row } from "./row.js";
import type { WatchedModel } from "./watched-model.js";
import type { WatchedOperation } from "./watched-operation.js";

/** Runs a creation and tells of the new rows. */
export async function runCreation(given: WatchedOperation): Promise<unknown> {
  const { args, query, model, operation, scope } = given;
  if (operation === "createMany") {
    throw refused(model, "createMany does not answer with the ids of the rows: use createManyAndReturn");
  }
  const selected = selectedRelations(model, args);
  const { asked, strip } = withIds(model, args);
  const result = await query(asked);
  const tellOfCreated = async () => {
    const created = operation === "createManyAndReturn" ? (result as Row[]) : [result as Row];
    if (!created.every((row) => isRowItself(row, selected))) {
      throw refused(model, "Prisma was asked for a relation of the row instead. Read the relation by itself");
    }
    const after = await given.rows.read(created);
    await given.tell(after.map((row) => ({ before: undefined, after: row })));
  };
  await scope.mustSucceed(tellOfCreated());
  return strip(result);
}

/**
 * The relations that are asked for. For `tx.order.create(…).customer()` Prisma selects the customer and answers with it alone,
 * which has an id as well; that the order itself was answered is seen by its having the relation.
 */
function selectedRelations(model: WatchedModel, args: OperationArgs): readonly string[] {
  const select = (args.select ?? {}) as Row;
  const selected = model.relations.filter(({ name }) => Boolean(select[name]));
  const ambiguous = selected.find(({ isNameOfTarget }) => isNameOfTarget);
  if (ambiguous !== undefined) {
    throw refused(model, `its relation ${ambiguous.name} was selected. Read the relation by itself`);
  }
  return selected.map(({ name }) => name);
}

function isRowItself(row: unknown, selected: readonly string[]): boolean {
  return typeof row === "object" && row !== null && !Array.isArray(row) && selected.every((name) => name in row);
}

/** The arguments of a creation, so that its answer has the ids too, and what takes them out of the answer again. */
function withIds({ idFields }: WatchedModel, args: OperationArgs) {
  const { select, omit } = args as { readonly select?: Row | null; readonly omit?: Row | null };
  const missing = idFields.filter((field) => (select ? select[field] !== true : omit?.[field] === true));
  if (missing.length === 0) return { asked: args, strip: (result: unknown) => result };

  const each = (isWanted: boolean) => Object.fromEntries(missing.map((field) => [field, isWanted] as const));
  const asked = select
    ? { ...args, select: { ...select, ...each(true) } }
    : { ...args, omit: { ...omit, ...each(false) } };
  const stripRow = (row: Row) => Object.fromEntries(Object.entries(row).filter(([field]) => !missing.includes(field)));
  const strip = (result: unknown) =>
    Array.isArray(result) ? result.map((row: Row) => stripRow(row)) : stripRow(result as Row);
  return { asked, strip };
}

function refused(model: WatchedModel, reason: string): OmniBoxError {
  return new OmniBoxError(
    "OUTBOX.TRANSITION_REFUSED",
    `a new row of ${model.name} is told of, and its id is not known: ${reason}`,
    { meta: { model: model.name } },
  );
}
