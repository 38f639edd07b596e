// @ts-check
import { runPnpm } from "./pnpm.mjs";
import { runCommand } from "./run-command.mjs";

/** Installs exactly what the lockfile says. */
export async function install() {
  return runPnpm(["install", "--frozen-lockfile", "--config.confirm-modules-purge=false"]);
}

/**
 * Generates and builds packages, with everything that they depend on.
 *
 * @param {string[]} [filters] names of packages; without any, all of them
 */
export async function build(filters = []) {
  return runCommand("turbo", [
    "run",
    "build",
    "--output-logs=errors-only",
    ...filters.map((filter) => `--filter=${filter}`),
  ]);
}
