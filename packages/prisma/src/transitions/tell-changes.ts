import { OmniBoxError, type Outbox, type OutboxEventDraft } from "@omni-box/core";
import type { PrismaTransactionLike } from "../prisma-client-like.js";
import type { Transition } from "./define-transition.js";
import { type Row, rowId } from "./row.js";
import type { WatchedModel } from "./watched-model.js";

/** A row before an operation, `undefined` if the operation created it, and after it. */
export interface RowChange {
  readonly before: Row | undefined;
  readonly after: Row;
}

/** Adds the events of the changes to the outbox. */
export async function tellChanges(
  outbox: Outbox<PrismaTransactionLike>,
  client: PrismaTransactionLike,
  model: WatchedModel,
  changes: readonly RowChange[],
): Promise<void> {
  const events = changes.flatMap((change) => eventsOf(model, change));
  if (events.length > 0) await outbox.add(client, events);
}

/** The rows whose watched states are others than before. */
export function changesBetween(model: WatchedModel, before: readonly Row[], after: readonly Row[]): RowChange[] {
  const earlier = new Map(before.map((row) => [rowId(model, row), row] as const));
  return after.flatMap((row) => {
    const old = earlier.get(rowId(model, row));
    if (old === undefined) return [];
    const hasChanged = model.transitions.some(({ stateField }) => old[stateField] !== row[stateField]);
    return hasChanged ? [{ before: old, after: row }] : [];
  });
}

function eventsOf(model: WatchedModel, { before, after }: RowChange): OutboxEventDraft[] {
  return model.transitions.flatMap((transition) => {
    const { stateField, event, includeCreations } = transition;
    if (before === undefined ? !includeCreations : before[stateField] === after[stateField]) return [];
    const aggregateId = rowId(model, after);
    const payload = {
      aggregateType: event.aggregateType,
      aggregateId,
      fromState: before?.[stateField] ?? null,
      toState: after[stateField],
      version: versionOf(transition, after),
    };
    return [event.create({ aggregateId, payload })];
  });
}

function versionOf({ model, versionField }: Transition, row: Row): number | null {
  if (versionField === null) return null;
  const version = Number(row[versionField]);
  if (Number.isSafeInteger(version)) return version;
  throw new OmniBoxError(
    "OUTBOX.TRANSITION_REFUSED",
    `${versionField} of ${model} must hold a number up to ${Number.MAX_SAFE_INTEGER} to be told as a version`,
    { meta: { model, versionField } },
  );
}
