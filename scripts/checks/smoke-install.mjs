// @ts-check
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../repository.mjs";
import { runCommand } from "../run-command.mjs";
import { findUndeclaredImports } from "./declared-imports.mjs";
import { withFreshDatabase } from "./fresh-database.mjs";

/**
 * Installs the tarballs with npm into an empty project, loads every export both ways, compiles a small consumer and runs the
 * command line.
 *
 * @param {import("./packages.mjs").PackedPackage[]} packed
 * @param {string} folder
 * @param {Record<string, string>} env
 * @returns {Promise<import("../steps.mjs").StepResult>}
 */
export async function smokeInstall(packed, folder, env) {
  mkdirSync(folder);
  writeJson(folder, "package.json", { private: true, type: "module" });
  const installed = await runCommand(
    "npm",
    [
      "install",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      ...packed.map(({ tarball }) => tarball),
      ...peersOf(packed),
    ],
    { cwd: folder },
  );
  if (!installed.ok) return { ok: false, output: `The packed packages do not install:\n${installed.output}` };

  const entries = packed.flatMap(({ name, manifest }) =>
    Object.keys(manifest.exports)
      .filter((path) => !path.endsWith(".json"))
      .map((path) => name + path.slice(1)),
  );
  writeFileSync(join(folder, "load.mjs"), loader(entries));
  writeFileSync(join(folder, "consumer.ts"), consumer(entries));
  writeJson(folder, "tsconfig.json", {
    compilerOptions: { target: "ES2023", module: "NodeNext", strict: true, noEmit: true, types: ["node"] },
    files: ["consumer.ts"],
  });

  const results = await Promise.all([
    runCommand(process.execPath, ["--no-warnings", "load.mjs"], { cwd: folder }),
    runCommand("tsc", ["-p", "tsconfig.json"], { cwd: folder }),
    runInstalledCli(folder, env),
  ]);
  const failures = [
    ...results.filter((result) => !result.ok).map((result) => result.output),
    ...packed.flatMap(({ name }) => findUndeclaredImports(join(folder, "node_modules", name))),
  ];
  return { ok: failures.length === 0, output: failures.join("\n") };
}

/**
 * Runs the command line as a user does, on an empty database.
 *
 * @param {string} folder
 * @param {Record<string, string>} env
 */
async function runInstalledCli(folder, env) {
  return withFreshDatabase(String(env.DATABASE_URL), async (url) => {
    for (const args of [["--help"], ["migrate"], ["status", "--json"]]) {
      const result = await runCommand("npx", ["--no-install", "omni-box", ...args], {
        cwd: folder,
        env: { ...env, DATABASE_URL: url },
      });
      if (!result.ok) return { ...result, output: `omni-box ${args.join(" ")} failed:\n${result.output}` };
    }
    return { ok: true, output: "" };
  });
}

/**
 * The peers that a user installs beside our packages, in the versions that the repository is tested with.
 *
 * @param {import("./packages.mjs").PackedPackage[]} packed
 */
function peersOf(packed) {
  const names = new Set(packed.flatMap(({ manifest }) => Object.keys(manifest.peerDependencies ?? {})));
  for (const { name } of packed) names.delete(name);
  const catalog = readFileSync(join(root, "pnpm-workspace.yaml"), "utf8");
  return [...names, "@types/node"].map((name) => {
    const version = new RegExp(`^ +"?${name}"?: (.+)$`, "m").exec(catalog)?.[1];
    if (version === undefined)
      throw new Error(`The catalog in pnpm-workspace.yaml has no version of the peer ${name}.`);
    return `${name}@${version}`;
  });
}

/** @param {string[]} entries */
function loader(entries) {
  return `
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
for (const entry of ${JSON.stringify(entries)}) {
  const imported = await import(entry);
  const names = Object.keys(imported);
  if (names.length === 0) throw new Error(entry + " exports nothing");
  // Two instances of a module would be two classes of everything in it.
  const required = require(entry);
  const different = names.filter((name) => required[name] !== imported[name]);
  if (different.length > 0) throw new Error("require(" + entry + ") differs from import in " + different.join(", "));
}
`;
}

/** @param {string[]} entries */
function consumer(entries) {
  return entries
    .map(
      (entry, index) =>
        `import * as entry${index} from "${entry}";\nexport const names${index}: string[] = Object.keys(entry${index});`,
    )
    .join("\n");
}

/**
 * @param {string} folder
 * @param {string} file
 * @param {unknown} value
 */
function writeJson(folder, file, value) {
  writeFileSync(join(folder, file), `${JSON.stringify(value, null, 2)}\n`);
}
