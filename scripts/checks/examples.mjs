// @ts-check
import { join } from "node:path";
import { root } from "../repository.mjs";
import { runCommand } from "../run-command.mjs";
import { withFreshDatabase } from "./fresh-database.mjs";

/**
 * Runs the quickstart as the README shows it: it has the database to itself and keeps what it made.
 *
 * @param {Record<string, string>} env
 * @returns {Promise<import("../steps.mjs").StepResult>}
 */
export async function runQuickstart(env) {
  return withFreshDatabase(String(env.DATABASE_URL), (url) =>
    runCommand(process.execPath, ["dist/main.js"], {
      cwd: join(root, "examples/quickstart"),
      env: { ...env, DATABASE_URL: url },
      timeoutMs: 60_000,
    }),
  );
}

/**
 * Runs the demo as a newcomer does and holds it to what its last line says.
 *
 * @param {string[]} flags
 * @param {Record<string, string>} env
 * @returns {Promise<import("../steps.mjs").StepResult>}
 */
export async function runDemo(flags, env) {
  const run = await runCommand("npm", ["run", "--silent", "demo", "--", ...flags], { env, timeoutMs: 180_000 });
  const problem = run.ok ? findProblem(run.stdout) : `it ended with exit code ${run.exitCode}`;
  return problem === undefined
    ? { ok: true, output: "", note: lastLineOf(run.stdout) }
    : { ok: false, output: `${run.output}\nThe demo failed: ${problem}.` };
}

/**
 * Relays 50,000 events through the real servers; the benchmark itself fails when the queue does not hold all of them.
 *
 * @param {Record<string, string>} env
 * @returns {Promise<import("../steps.mjs").StepResult>}
 */
export async function runRelayBenchmark(env) {
  const run = await runCommand(process.execPath, ["dist/main.js", "relay", "--events", "50000", "--json"], {
    cwd: join(root, "bench"),
    env,
    timeoutMs: 120_000,
  });
  return { ok: run.ok, output: run.output, note: lastLineOf(run.stdout) };
}

/** @param {string} stdout */
function findProblem(stdout) {
  const line = lastLineOf(stdout);
  /** @type {Record<string, unknown>} */
  let report;
  try {
    report = JSON.parse(line);
  } catch {
    return `its last line is not JSON: ${line}`;
  }
  const counts = ["transactions", "rolledBack", "eventsCommitted", "messagesDelivered", "lost", "phantoms"];
  const missing = counts.filter((name) => typeof report[name] !== "number");
  if (missing.length > 0) return `its report lacks ${missing.join(", ")}`;
  if (report.ok !== true || report.lost !== 0 || report.phantoms !== 0) return `its report says ${line}`;
  if (report.eventsCommitted === 0 || report.rolledBack === 0) return `it showed nothing: ${line}`;
  return undefined;
}

/** @param {string} text */
function lastLineOf(text) {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
