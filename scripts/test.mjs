// @ts-check
import "./require-node.mjs";
import { runDemo, runInboxBenchmark, runQuickstart, runRelayBenchmark } from "./checks/examples.mjs";
import { findNode24 } from "./checks/node-24.mjs";
import { checkPackages } from "./checks/packages.mjs";
import { createVitestRuns } from "./checks/vitest-runs.mjs";
import { onInterrupt } from "./on-interrupt.mjs";
import { endRunningCommands, runCommand } from "./run-command.mjs";
import { createServices } from "./services.mjs";
import { build, install } from "./set-up.mjs";
import { createSteps } from "./steps.mjs";
import { readTestFlags } from "./test-flags.mjs";

/**
 * `npm test`: everything that must hold before a change lands. It does its own set-up and needs Node and npm only.
 *
 *     npm test -- --private-services     start our own services even where some are running
 *     npm test -- --only types,unit      run these steps only (and the set-up)
 */
const flags = readTestFlags(process.argv.slice(2));
if (flags.problem !== undefined) {
  console.error(flags.problem);
  process.exit(2);
}
const { privateServices, only } = flags;
const steps = createSteps({ only });
const services = createServices({ log: (line) => console.log(line) });
const vitest = createVitestRuns();
onInterrupt(async () => {
  await endRunningCommands();
  await services.stop();
});

/** @type {Record<string, string>} */
let env = {};

try {
  const ready =
    (await steps.setUp("Install what the lockfile says", install)) &&
    (await steps.setUp("PostgreSQL, RabbitMQ and Redis", provideServices)) &&
    (await steps.setUp("Generate clients and build every package", () => build()));
  if (ready) await runChecks();
} finally {
  await services.stop();
}

const { testsPassed, testsFailed } = vitest.counts();
const failed = steps.report();
// A failing check that is not a test counts as one, or the last line would look green.
console.log(`${testsPassed} passed, ${testsFailed + failed.filter((step) => !step.countsTests).length} failed`);
process.exitCode = failed.length > 0 ? 1 : 0;

async function provideServices() {
  env = await services.provide(["postgres", "rabbitmq", "redis"], { privateOnly: privateServices });
  return { ok: true, output: "" };
}

async function runChecks() {
  await steps.together([
    ["lint", "Format and lint", () => runCommand("biome", ["ci", "--colors=off", "."])],
    ["types", "Types of sources, tests, type tests and scripts", checkTypes],
    ["docs", "Links, error reference and examples in the docs", checkDocs],
    ["unused", "Unused files, exports and dependencies", checkUnused],
    ["packages", "Packed packages: publint, attw, smoke install", () => checkPackages(env)],
  ]);
  await steps.run("unit", "Unit tests", () => vitest.run("unit", { env }));
  await steps.run("conformance", "Conformance against real services", () => vitest.run("conformance", { env }));
  await steps.run("integration", "Integration against real services", () => vitest.run("integration", { env }));
  await steps.run("examples", "Quickstart", () => runQuickstart(env));
  await steps.run("examples", "Demo, embedded", () => runDemo(["--json"], env));
  await steps.run("examples", "Demo, real services", () => runDemo(["--json", "--services"], env));
  await steps.run("examples", "Relay beside a hand-written loop", () => runRelayBenchmark(env));
  await steps.run("examples", "Inbox against a hand-written loop", () => runInboxBenchmark(env));
  await steps.run("node-24", "Unit and integration tests on Node 24", runOnNode24);
}

async function runOnNode24() {
  const node = await findNode24();
  if ("reason" in node) return { ok: true, output: "", note: node.reason };
  return vitest.run(["unit", "integration"], { env, node: node.path });
}

async function checkDocs() {
  return runCommand(process.execPath, ["scripts/check-docs.mjs"]);
}

async function checkUnused() {
  return runCommand("knip", ["--no-progress", "--no-config-hints"]);
}

async function checkTypes() {
  const [packages, scripts] = await Promise.all([
    runCommand("turbo", ["run", "typecheck", "--output-logs=errors-only"]),
    runCommand("tsc", ["-p", "tsconfig.json"]),
  ]);
  return { ok: packages.ok && scripts.ok, output: packages.output + scripts.output };
}
