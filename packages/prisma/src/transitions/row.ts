import type { WatchedModel } from "./watched-model.js";

/** The fields of a row that were read. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * The text of a row's id, as the aggregate id of its events: the only value as text, or several joined by `:`, each encoded
 * like a part of a URL so that no two ids have the same text.
 */
export function rowId({ idFields }: WatchedModel, row: Row): string {
  const values = idFields.map((field) => idText(row[field]));
  return values.length === 1 ? (values[0] ?? "") : values.map(encodeURIComponent).join(":");
}

/** The values of a row's id as text, in the order of the fields, for SQL parameters. */
export function idValues({ idFields }: WatchedModel, row: Row): string[] {
  return idFields.map((field) => idText(row[field]));
}

/** The text of one value of an id. */
export function idText(value: unknown): string {
  return value instanceof Date ? value.toISOString() : String(value);
}

/** A condition in Prisma's form that holds for these rows alone. */
export function isOneOf({ idFields }: WatchedModel, rows: readonly Row[]): object {
  const [only] = idFields;
  if (idFields.length === 1 && only !== undefined) return { [only]: { in: rows.map((row) => row[only]) } };
  return { OR: rows.map((row) => Object.fromEntries(idFields.map((field) => [field, row[field]]))) };
}

/** The row that `where` names by its id and nothing else; `undefined` when it has to be looked for. */
export function rowNamedBy({ idFields }: WatchedModel, where: unknown): Row | undefined {
  const [only] = idFields;
  if (idFields.length !== 1 || only === undefined || typeof where !== "object" || where === null) return undefined;
  const names = Object.keys(where).filter((name) => Reflect.get(where, name) !== undefined);
  const value: unknown = Reflect.get(where, only);
  const isValue = typeof value === "string" || typeof value === "number" || typeof value === "bigint";
  return names.length === 1 && isValue ? { [only]: value } : undefined;
}
