// @ts-check
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "../repository.mjs";

const ignored = new Set(["node_modules", "dist", "generated", ".git", ".turbo"]);

/**
 * Every page in the repository, as a path from its root.
 *
 * @param {string} [folder]
 * @returns {string[]}
 */
export function markdownFiles(folder = "") {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !ignored.has(entry.name))
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return markdownFiles(path);
      return entry.isFile() && entry.name.endsWith(".md") ? [path] : [];
    });
}
