import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** What `@omni-box/prisma` brings for a user's project. */
export interface ShippedFiles {
  /** The schema file with the models. */
  readonly schema: string;
  readonly migrations: readonly ShippedFolder[];
}

/** One migration in the order in which they apply. */
export interface ShippedFolder {
  /** The folder's name without its timestamp. */
  readonly name: string;
  readonly sql: string;
}

/** Reads the files of the `@omni-box/prisma` that is installed beside this package. */
export async function readShippedFiles(): Promise<ShippedFiles> {
  const manifest = createRequire(import.meta.url).resolve("@omni-box/prisma/package.json");
  const folder = join(dirname(manifest), "prisma");
  const migrations = (await readdir(join(folder, "migrations"), { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
  return {
    schema: await readFile(join(folder, "omni-box.prisma"), "utf8"),
    migrations: await Promise.all(
      migrations.map(async (name) => ({
        name: withoutTimestamp(name),
        sql: await readFile(join(folder, "migrations", name, "migration.sql"), "utf8"),
      })),
    ),
  };
}

/** The name of a migration's folder without the time at which it was made. */
export function withoutTimestamp(folder: string): string {
  return folder.replace(/^\d+_/, "");
}
