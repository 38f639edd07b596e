import { OmniBoxError } from "@omni-box/core";

/** What a generated client knows of its models at run time. */
export interface DataModel {
  readonly models: Readonly<Record<string, DataModelEntry>>;
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
  const found = Reflect.get(client, "_runtimeDataModel") as DataModel | undefined;
  const models: unknown = found?.models;
  if (typeof models === "object" && models !== null && Object.values(models).every(isEntry)) return found as DataModel;
  throw new OmniBoxError(
    "CONFIG.UNSUPPORTED_CAPABILITY",
    "this Prisma client does not tell its models, which transitions need: use a client of Prisma 7 that was generated with its schema",
  );
}

function isEntry(value: unknown): boolean {
  return typeof value === "object" && value !== null && Array.isArray(Reflect.get(value, "fields"));
}
