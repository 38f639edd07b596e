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
  // Each alternative costs Prisma and PostgreSQL far more than a value of a list: one field's values are listed, of all the
  // fields the one that leaves the fewest alternatives.
  const groupings = idFields.map((listed) => groupBy(idFields, listed, rows));
  const [fewest] = groupings.toSorted((one, other) => one.length - other.length);
  return { OR: fewest ?? [] };
}

/** The rows by all fields of their ids but one, whose values are listed. */
function groupBy(idFields: readonly string[], listed: string, rows: readonly Row[]): object[] {
  const others = idFields.filter((field) => field !== listed);
  const groups = new Map<string, { readonly values: Row; readonly list: unknown[] }>();
  for (const row of rows) {
    const key = JSON.stringify(others.map((field) => idText(row[field])));
    const group = groups.get(key) ?? { values: row, list: [] };
    group.list.push(row[listed]);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ values, list }) => ({
    ...Object.fromEntries(others.map((field) => [field, values[field]] as const)),
    [listed]: { in: list },
  }));
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
