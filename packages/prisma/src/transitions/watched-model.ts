import { invalidOptions } from "@omni-box/core";
import { qualifyTable, quoteIdentifier } from "../postgresql/qualify-table.js";
import { type DataModel, type DataModelField, foreignKeysOf } from "./data-model.js";
import type { Transition } from "./define-transition.js";

/** A model with states that are told of: what its rows are read and locked by. */
export interface WatchedModel {
  readonly name: string;
  /** The name of the model on the client: `order` for `Order`. */
  readonly delegate: string;
  readonly transitions: readonly Transition[];
  readonly idFields: readonly string[];
  /** The fields that are read before and after an operation. */
  readonly select: Readonly<Record<string, true>>;
  /** Quoted, for SQL. */
  readonly table: string;
  readonly idColumns: readonly string[];
  readonly relations: readonly WatchedRelation[];
}

export interface WatchedRelation {
  readonly name: string;
  /** The model that it leads to has a field of the same name. */
  readonly isNameOfTarget: boolean;
}

/** The models that transitions are defined for, by name. */
export type WatchedModels = ReadonlyMap<string, WatchedModel>;

/**
 * Finds tables and columns of the transitions' models.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when they were defined for other models, or do not fit together.
 */
export function watchModels(transitions: readonly Transition[], dataModel: DataModel): WatchedModels {
  const problems: string[] = [];
  const byModel = new Map<string, Transition[]>();
  for (const transition of transitions) {
    const others = byModel.get(transition.model) ?? [];
    problems.push(...others.flatMap((other) => disagreements(other, transition)));
    byModel.set(transition.model, [...others, transition]);
  }
  const watched = [...byModel].map(([name, list]) => watchModel(name, list, dataModel, problems));
  if (problems.length > 0) throw invalidOptions("omniBox", problems);
  return new Map(watched.map((model) => [model.name, model]));
}

function watchModel(
  name: string,
  transitions: readonly Transition[],
  dataModel: DataModel,
  problems: string[],
): WatchedModel {
  const entry = Object.hasOwn(dataModel.models, name) ? dataModel.models[name] : undefined;
  const fields = new Map<string, DataModelField>(entry?.fields.map((field) => [field.name, field]));
  const idFields = transitions[0]?.idFields ?? [];
  const read = transitions.flatMap(({ stateField, versionField }) =>
    versionField === null ? [stateField] : [stateField, versionField],
  );
  const selected = [...idFields, ...read];
  if (entry === undefined) problems.push(`transitions: the client has no model ${name}`);
  else {
    const missing = selected.filter((field) => !fields.has(field));
    problems.push(...missing.map((field) => `transitions: the client's model ${name} has no field ${field}`));
  }
  const foreignKeys = foreignKeysOf(dataModel, name);
  const related = transitions.filter(({ stateField }) => foreignKeys.has(stateField));
  problems.push(
    ...related.map(
      ({ stateField }) => `transitions: ${name}.${stateField} is a foreign key, which relations can change unseen`,
    ),
  );
  const schema = transitions[0]?.schema ?? entry?.schema ?? undefined;
  return {
    name,
    // As Prisma names it.
    delegate: name.charAt(0).toLowerCase() + name.slice(1),
    transitions,
    idFields,
    select: Object.fromEntries(selected.map((field) => [field, true] as const)),
    table: qualifyTable(schema, entry?.dbName ?? name),
    idColumns: idFields.map((field) => quoteIdentifier(fields.get(field)?.dbName ?? field)),
    relations: [...fields.values()]
      .filter(({ kind }) => kind === "object")
      .map((field) => ({
        name: field.name,
        isNameOfTarget: dataModel.models[field.type]?.fields.some((other) => other.name === field.name) ?? false,
      })),
  };
}

/** What two transitions of one model must have in common. */
function disagreements(one: Transition, other: Transition): string[] {
  const problems: string[] = [];
  const where = `transitions: two for the model ${one.model}`;
  if (one.stateField === other.stateField) problems.push(`${where} have the same stateField "${one.stateField}"`);
  if (one.idFields.join() !== other.idFields.join()) problems.push(`${where} have different idFields`);
  if (one.schema !== other.schema) problems.push(`${where} have different schemas`);
  return problems;
}
