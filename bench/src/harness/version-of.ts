import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/** The installed version of a package, also of one that does not export its manifest. */
export function versionOf(name: string): string {
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  const manifest = folders.map((folder) => join(folder, name, "package.json")).find((file) => existsSync(file));
  if (manifest === undefined) throw new Error(`${name} is not installed`);
  return JSON.parse(readFileSync(manifest, "utf8")).version;
}
