// @ts-check
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Generates the Prisma client of the package in the current folder:
 *
 *     node ../../scripts/generate-prisma.mjs <schema folder> [--without-models]
 *
 * The fragment with our models is copied into the schema folder first, so that it exists once in the repository; without
 * models the client can only do raw SQL.
 */
const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const fragment = join(root, "packages/prisma/prisma/omni-box.prisma");
const [schemaFolder, flag] = process.argv.slice(2);

if (schemaFolder === undefined) fail("Usage: generate-prisma.mjs <schema folder> [--without-models]");
if (!existsSync(fragment)) fail(`The schema fragment ${relative(root, fragment)} does not exist.`);
if (!existsSync(schemaFolder))
  fail(`The schema folder ${schemaFolder} does not exist in ${relative(root, process.cwd())}.`);

if (flag !== "--without-models") copyFileSync(fragment, join(schemaFolder, "omni-box.prisma"));

const require = createRequire(join(process.cwd(), "package.json"));
const manifest = require.resolve("prisma/package.json");
const cli = join(dirname(manifest), require(manifest).bin.prisma);
const result = spawnSync(process.execPath, [cli, "generate"], {
  encoding: "utf8",
  env: {
    ...process.env,
    // `generate` never runs the schema engine, but it wants to see one, and would download it.
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_HIDE_UPDATE_MESSAGE: "1",
    CHECKPOINT_DISABLE: "1",
  },
});
if (result.status !== 0) fail(`prisma generate failed.\n${result.stdout}${result.stderr}`);

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}
