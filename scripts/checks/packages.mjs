// @ts-check
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runPnpm } from "../pnpm.mjs";
import { root } from "../repository.mjs";
import { runCommand } from "../run-command.mjs";
import { smokeInstall } from "./smoke-install.mjs";

/**
 * @typedef {object} PackedPackage
 * @property {string} name
 * @property {string} tarball
 * @property {{ exports: Record<string, unknown>, peerDependencies?: Record<string, string> }} manifest
 */

/**
 * Packs every public package once and looks at the tarballs as npm's users will get them.
 *
 * @param {Record<string, string>} env
 * @returns {Promise<import("../steps.mjs").StepResult>}
 */
export async function checkPackages(env) {
  const folder = mkdtempSync(join(tmpdir(), "omni-box-packages-"));
  try {
    const packed = await Promise.all(readdirSync(join(root, "packages")).map((name) => pack(name, folder)));
    const results = await Promise.all([
      ...packed.map(({ tarball }) => runCommand("publint", ["run", tarball, "--strict"])),
      ...packed.map(({ tarball }) =>
        runCommand("attw", [tarball, "--profile", "esm-only", "--no-emoji", "--no-color"]),
      ),
      smokeInstall(packed, join(folder, "consumer"), env),
    ]);
    const failures = results.filter((result) => !result.ok);
    return { ok: failures.length === 0, output: failures.map((result) => result.output).join("\n") };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} directory
 * @param {string} folder
 * @returns {Promise<PackedPackage>}
 */
async function pack(directory, folder) {
  const cwd = join(root, "packages", directory);
  const destination = join(folder, directory);
  mkdirSync(destination);
  const result = await runPnpm(["pack", "--pack-destination", destination], { cwd });
  const [tarball] = result.ok ? readdirSync(destination) : [];
  if (tarball === undefined) throw new Error(`pnpm pack failed for packages/${directory}:\n${result.output}`);
  const manifest = JSON.parse(readFileSync(join(cwd, "package.json"), "utf8"));
  return { name: manifest.name, tarball: join(destination, tarball), manifest };
}
