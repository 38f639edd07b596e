import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { functionOption, isOmniBoxError, validateOptions } from "@omni-box/core";
import { z } from "zod";
import { CliFailure } from "../cli-failure.js";
import type { OmniBoxConfig } from "./define-config.js";

const configFiles = ["ts", "mts", "js", "mjs"].map((extension) => `omni-box.config.${extension}`);

const names = z.array(z.string().min(1)).optional();
const configSchema = z.strictObject({
  relay: functionOption<NonNullable<OmniBoxConfig["relay"]>>("() => relay").optional(),
  close: functionOption<NonNullable<OmniBoxConfig["close"]>>("() => unknown").optional(),
  http: z
    .union([
      z.literal(false),
      z.strictObject({ host: z.string().min(1).optional(), port: z.int().min(0).max(65_535).optional() }),
    ])
    .optional(),
  doctor: z
    .strictObject({
      bucketCount: z.int().min(1).max(32_767).optional(),
      amqpUrl: z.string().min(1).optional(),
      exchanges: names,
      queues: names,
      redisUrl: z.string().min(1).optional(),
    })
    .optional(),
});

/**
 * Loads and checks the configuration file; `undefined` when none is named and none is found.
 *
 * @throws {CliFailure} when it is missing, cannot be loaded, or is not what `defineConfig` takes.
 */
export async function loadConfig(cwd: string, given: string | undefined): Promise<OmniBoxConfig | undefined> {
  const file = given ?? (await findConfig(cwd));
  if (file === undefined) return undefined;
  const path = resolve(cwd, file);
  if (!(await exists(path))) throw CliFailure.usage(`the configuration file ${file} does not exist`);
  const loaded = await load(path, file);
  if (typeof loaded !== "object" || loaded === null || !("default" in loaded)) {
    throw CliFailure.notDone(`${file} has no default export: export default defineConfig({ … })`, "CLI.CONFIG");
  }
  try {
    return validateOptions(file, configSchema, loaded.default);
  } catch (error) {
    if (isOmniBoxError(error)) throw CliFailure.notDone(error.message.replace(/^[\w.]+: /, ""), "CLI.CONFIG");
    throw error;
  }
}

async function load(path: string, file: string): Promise<unknown> {
  try {
    return await import(pathToFileURL(path).href);
  } catch (error) {
    const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
    if (code === "ERR_UNKNOWN_FILE_EXTENSION") {
      throw CliFailure.notDone(
        `this Node (${process.version}) cannot run ${file}: use Node 22.18 or later, or compile it and name the result with --config`,
        "CLI.CONFIG",
      );
    }
    const reason = error instanceof Error ? error.message.split("\n", 1)[0] : "something that is no Error was thrown";
    throw CliFailure.notDone(`${file} cannot be loaded: ${reason}`, "CLI.CONFIG", error);
  }
}

async function findConfig(cwd: string): Promise<string | undefined> {
  for (const file of configFiles) if (await exists(join(cwd, file))) return file;
  return undefined;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
