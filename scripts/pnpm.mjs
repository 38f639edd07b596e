// @ts-check
import { pnpmVersion } from "./repository.mjs";
import { runCommand } from "./run-command.mjs";

/** @type {Promise<string[]> | undefined} */
let command;

/** The pinned pnpm: an installed one when its version is the pinned one, else through npx. */
async function findPnpm() {
  const installed = await runCommand("pnpm", ["--version"]);
  return installed.stdout.trim() === pnpmVersion ? ["pnpm"] : ["npx", "--yes", `pnpm@${pnpmVersion}`];
}

/**
 * @param {string[]} args
 * @param {import("./run-command.mjs").CommandOptions} [options]
 */
export async function runPnpm(args, options) {
  command ??= findPnpm();
  const [program, ...first] = await command;
  return runCommand(/** @type {string} */ (program), [...first, ...args], options);
}
