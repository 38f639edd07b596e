import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";

/** One migration of this package. */
export interface ShippedMigration {
  /** What the migration is recorded as: the folder's name without the timestamp, which users may change when they copy it. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the SQL in hexadecimal digits, the same for all line endings. */
  readonly checksum: string;
}

const folder = new URL("../prisma/migrations/", import.meta.url);

/** Reads the names of the package's migrations, in the order in which they apply. */
export async function shippedMigrationNames(): Promise<readonly string[]> {
  return (await migrationFolders()).map(nameOf);
}

/** Reads the package's migrations, in the order in which they apply. */
export async function readShippedMigrations(): Promise<readonly ShippedMigration[]> {
  return Promise.all(
    (await migrationFolders()).map(async (directory) => {
      const text = await readFile(new URL(`${directory}/migration.sql`, folder), "utf8");
      const sql = text.replaceAll("\r\n", "\n");
      return { name: nameOf(directory), sql, checksum: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

async function migrationFolders(): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

function nameOf(directory: string): string {
  return directory.replace(/^\d+_/, "");
}
