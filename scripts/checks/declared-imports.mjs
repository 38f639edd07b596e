// @ts-check
import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";

const importedName = /(?:\bfrom\s*|\bimport\s*\(?\s*)"([^".\s][^"\s]*)"/g;

/**
 * The packages that an installed package imports without declaring them. In a workspace, and after npm's hoisting, such
 * an import is found by luck.
 *
 * @param {string} folder the installed package
 * @returns {string[]}
 */
export function findUndeclaredImports(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const declared = new Set([
    manifest.name,
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(manifest.peerDependencies ?? {}),
  ]);
  const problems = new Set();
  for (const file of readdirSync(join(folder, "dist"), { recursive: true, encoding: "utf8" })) {
    if (!/\.(?:js|d\.ts)$/.test(file)) continue;
    const code = readFileSync(join(folder, "dist", file), "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
    for (const [, specifier = ""] of code.matchAll(importedName)) {
      const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
      if (!isBuiltin(specifier) && !declared.has(name)) problems.add(`${manifest.name} imports ${name} undeclared`);
    }
  }
  return [...problems];
}
