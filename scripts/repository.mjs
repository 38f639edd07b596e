// @ts-check
import { readFileSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The root folder of the repository. */
export const root = resolve(fileURLToPath(new URL("..", import.meta.url)));

/** The pnpm that the repository is pinned to, for example `12.21.0`. */
export const pnpmVersion = String(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).packageManager).replace(
  "pnpm@",
  "",
);

/**
 * The environment for every command that the scripts run: installed tools first on the path, nothing phones home.
 *
 * @type {NodeJS.ProcessEnv}
 */
export const toolEnvironment = {
  ...process.env,
  PATH: `${join(root, "node_modules", ".bin")}${delimiter}${process.env.PATH ?? ""}`,
  TURBO_TELEMETRY_DISABLED: "1",
  TURBO_NO_UPDATE_NOTIFIER: "1",
};
