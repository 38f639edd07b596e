import { OmniBoxError } from "@omni-box/core";

/** What a generated client knows of its models at run time. */
export interface DataModel {
  readonly models: Readonly<Record<string, DataModelEntry>>;
  /** The Prisma schema as text, where the client has it. */
  readonly source?: string | undefined;
}

export interface DataModelEntry {
  /** The table's name, where it is not the model's. */
  readonly dbName?: string | null;
  /** The model's `@@schema`. */
  readonly schema?: string | null;
  readonly fields: readonly DataModelField[];
}

export interface DataModelField {
  readonly name: string;
  /** `object` for a relation, whose other model `type` then names. */
  readonly kind: string;
  readonly type: string;
  /** The column's name, where it is not the field's. */
  readonly dbName?: string | null;
}

/**
 * Reads the models of a client, with the names of tables and columns and the relations between them.
 *
 * Prisma has no documented place for this. All of its versions so far carry it under this name, and a client that does not is
 * refused: without the relations, changes in nested writes could pass unseen.
 *
 * @throws {OmniBoxError} CONFIG.UNSUPPORTED_CAPABILITY when the client does not tell its models.
 */
export function readDataModel(client: object): DataModel {
  const models = part(part(client, "_runtimeDataModel"), "models");
  if (typeof models === "object" && models !== null && Object.values(models).every(isEntry)) {
    const source = part(part(client, "_engineConfig"), "inlineSchema");
    return { models: models as DataModel["models"], source: typeof source === "string" ? source : undefined };
  }
  throw new OmniBoxError(
    "CONFIG.UNSUPPORTED_CAPABILITY",
    "this Prisma client does not tell its models, which transitions need: use a client of Prisma 7 that was generated with its schema",
  );
}

/** The fields that hold the keys of a model's relations, which only the schema's text tells. */
export function foreignKeysOf({ source = "" }: DataModel, model: string): ReadonlySet<string> {
  const [, body = ""] = new RegExp(`^model\\s+${model}\\s*\\{(.*?)^\\}`, "ms").exec(source) ?? [];
  const lists = [...body.matchAll(/@relation\([^)]*fields:\s*\[([^\]]*)\]/g)].map(([, list = ""]) => list);
  return new Set(lists.flatMap((list) => list.split(",").map((name) => name.trim())));
}

function part(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? (Reflect.get(value, name) as unknown) : undefined;
}

function isEntry(value: unknown): boolean {
  return typeof value === "object" && value !== null && Array.isArray(Reflect.get(value, "fields"));
}
