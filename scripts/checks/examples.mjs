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
 * Relays events through the real servers in every case of the benchmark, which fails by itself when one of them is lost or the
 * order of a key is wrong.
 *
 * @param {Record<string, string>} env
 * @returns {Promise<import("../steps.mjs").StepResult>}
 */
export async function runRelayBenchmark(env) {
  const run = await runCommand(process.execPath, ["dist/src/main.js", "relay", "--events", "5000", "--json"], {
    cwd: join(root, "bench"),
    env,
    timeoutMs: 300_000,
  });
  return { ok: run.ok, output: run.output, note: lastLineOf(run.stdout) };
}

/**
 * Consumes the same messages by hand and through the inbox; the benchmark itself fails when an effect is missing or doubled.
 *
 * @param {Record<string, string>} env
 * @returns {Promise<import("../steps.mjs").StepResult>}
 */
export async function runInboxBenchmark(env) {
  const run = await runCommand(process.execPath, ["dist/src/main.js", "inbox", "--json"], {
    cwd: join(root, "bench"),
    env,
    timeoutMs: 180_000,
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
  const mustBeZero = ["lost", "phantoms", "appliedTwice"];
  const mustShowSomething = [
    "transactions",
    "rolledBack",
    "eventsCommitted",
    "messagesDelivered",
    "duplicatesInjected",
    "handlersFailed",
    "effectsApplied",
    "undecodableKept",
    "migrated",
    "deadLetters",
    "requeued",
    "ordersPrepared",
  ];
  const counts = [...mustBeZero, ...mustShowSomething];
  const missing = counts.filter((name) => typeof report[name] !== "number");
  if (missing.length > 0) return `its report lacks ${missing.join(", ")}`;
  if (report.ok !== true || mustBeZero.some((name) => report[name] !== 0)) return `its report says ${line}`;
  if (mustShowSomething.some((name) => report[name] === 0)) return `it showed too little: ${line}`;
  return undefined;
}

/** @param {string} text */
function lastLineOf(text) {
  return text.trimEnd().split("\n").at(-1) ?? "";
}
