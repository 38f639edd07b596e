import type { ShippedFolder } from "./shipped-files.js";
import { withoutTimestamp } from "./shipped-files.js";

/** What becomes of one of our migrations. */
export interface MigrationPlan {
  readonly name: string;
  readonly folder: string;
  /** `add`: it is not there, or its folder is empty. `keep`: the user has another text of it, which stays. */
  readonly action: "add" | "keep" | "none";
}

/** The user's folders, each with the SQL in it; `null` where a folder has none. */
export type ExistingMigrations = ReadonlyMap<string, string | null>;

/**
 * Plans which migrations are copied. They get the time at which they are copied, or the next seconds after the last one that is
 * there: `prisma migrate` applies them by name, and they must come after what was applied before.
 */
export function planMigrations(
  shipped: readonly ShippedFolder[],
  existing: ExistingMigrations,
  now: Date,
): readonly MigrationPlan[] {
  let last = Math.max(Math.floor(now.getTime() / 1_000) - 1, ...[...existing.keys()].map(secondOf));
  return shipped.map(({ name, sql }) => {
    const folder = [...existing.keys()].find((one) => withoutTimestamp(one) === name);
    if (folder === undefined) {
      last += 1;
      return { name, folder: `${timestamp(last)}_${name}`, action: "add" };
    }
    const found = existing.get(folder) ?? null;
    if (found === null) return { name, folder, action: "add" };
    return { name, folder, action: found.replaceAll("\r\n", "\n") === sql.replaceAll("\r\n", "\n") ? "none" : "keep" };
  });
}

/** `20301231235959`, as Prisma begins the names of migrations. */
function timestamp(second: number): string {
  return new Date(second * 1_000).toISOString().replaceAll(/\D/g, "").slice(0, 14);
}

/** The time at which a folder's name says that it was made; 0 where it does not say. */
function secondOf(folder: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)_/.exec(folder) ?? [];
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(ms) ? 0 : ms / 1_000;
}
