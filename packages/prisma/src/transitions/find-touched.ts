import type { DataModel } from "./data-model.js";
import type { WatchedModel, WatchedModels } from "./watched-model.js";

/** The operations of a model that can change or create rows. */
export const writeOperations = [
  "create",
  "createMany",
  "createManyAndReturn",
  "update",
  "updateMany",
  "updateManyAndReturn",
  "upsert",
] as const;

export type WriteOperation = (typeof writeOperations)[number];

/** The arguments of an operation; what they hold is the application's and not checked before Prisma does. */
export type OperationArgs = Readonly<Record<string, unknown>>;

/** What an operation may do to watched states. */
export interface Touched {
  /** The model's own rows may change their state, or are created, and it is watched. */
  readonly own: WatchedModel | undefined;
  /** A relation through which states of another row would change: `parts.update`. */
  readonly nested: { readonly path: string; readonly model: string } | undefined;
}

export type FindTouched = (model: string, operation: WriteOperation, args: OperationArgs) => Touched | undefined;

/** Tells of each operation whether it may change a watched state, by the fields that its arguments name. */
export function createFindTouched(watched: WatchedModels, { models }: DataModel): FindTouched {
  const relations = new Map(
    Object.entries(models).map(([name, { fields }]) => [name, fields.filter(({ kind }) => kind === "object")] as const),
  );

  const changes = (model: string, data: unknown) =>
    watched.get(model)?.transitions.some(({ stateField }) => isGiven(data, stateField)) ?? false;
  const creates = (model: string) => watched.get(model)?.transitions.some((each) => each.includeCreations) ?? false;

  /** The first relation in the data of a model through which a watched state would change. */
  function findNested(model: string, data: unknown): Touched["nested"] {
    if (!isObject(data)) return undefined;
    for (const { name, type } of relations.get(model) ?? []) {
      const given: unknown = Reflect.get(data, name);
      if (!isObject(given)) continue;
      for (const [verb, value] of Object.entries(given)) {
        const found = findInVerb(type, verb, value);
        if (found !== undefined) return { ...found, path: `${name}.${found.path}` };
      }
    }
    return undefined;
  }

  function findInVerb(model: string, verb: string, value: unknown): Touched["nested"] {
    for (const { data, isCreation } of writesOf(verb, value)) {
      if (isCreation ? creates(model) : changes(model, data)) return { path: verb, model };
      const deeper = findNested(model, data);
      if (deeper !== undefined) return { ...deeper, path: `${verb}.${deeper.path}` };
    }
    return undefined;
  }

  return (model, operation, args) => {
    const written = operation === "upsert" ? [args.create, args.update] : listOf(args.data);
    const changed = operation === "upsert" ? args.update : operation.startsWith("update") ? args.data : undefined;
    const mayCreate = !operation.startsWith("update") && creates(model);
    const own = mayCreate || changes(model, changed) ? watched.get(model) : undefined;
    const nested = written.map((data) => findNested(model, data)).find((found) => found !== undefined);
    return own === undefined && nested === undefined ? undefined : { own, nested };
  };
}

interface NestedWrite {
  readonly data: unknown;
  readonly isCreation: boolean;
}

/** What a nested operation writes. https://www.prisma.io/docs/orm/prisma-client/queries/relation-queries#nested-writes */
function writesOf(verb: string, given: unknown): readonly NestedWrite[] {
  const values = listOf(given).filter(isObject);
  const change = (data: unknown) => ({ data, isCreation: false });
  const creation = (data: unknown) => ({ data, isCreation: true });
  const part = (value: object, name: string): unknown => Reflect.get(value, name);
  switch (verb) {
    case "create":
      return values.map(creation);
    case "createMany":
      return values.flatMap((value) => listOf(part(value, "data")).map(creation));
    case "connectOrCreate":
      return values.map((value) => creation(part(value, "create")));
    case "update":
      // Of one row: the data itself, or with a condition as `{ where, data }`.
      return values.flatMap((value) => [change(value), change(part(value, "data"))]);
    case "updateMany":
      return values.map((value) => change(part(value, "data")));
    case "upsert":
      return values.flatMap((value) => [creation(part(value, "create")), change(part(value, "update"))]);
    default:
      // connect, disconnect, set, delete and deleteMany change no state.
      return [];
  }
}

function isGiven(data: unknown, field: string): boolean {
  return isObject(data) && Reflect.get(data, field) !== undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}
