// @ts-check
import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { root, toolEnvironment } from "./repository.mjs";

const endTimeoutMs = 5_000;

/**
 * @typedef {object} CommandOptions
 * @property {string} [cwd]
 * @property {Record<string, string | undefined>} [env] Added to the tools' environment.
 * @property {"collect" | "stream" | "split"} [output] `collect` (default) keeps everything for the result, `stream` shows it
 *   while it is written, `split` keeps stderr for the result and shows stdout.
 * @property {number} [timeoutMs]
 *
 * @typedef {object} CommandResult
 * @property {boolean} ok
 * @property {number | null} exitCode
 * @property {string} output stdout and stderr as they came, as far as they were collected
 * @property {string} stdout
 */

/** @type {Set<import("node:child_process").ChildProcess>} */
const running = new Set();

/**
 * Runs a command to its end; an exit code other than 0 is a result, not an exception.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {CommandOptions} [options]
 * @returns {Promise<CommandResult>}
 */
export function runCommand(command, args, { cwd = root, env = {}, output = "collect", timeoutMs } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...toolEnvironment, ...env },
      stdio: ["ignore", output === "collect" ? "pipe" : "inherit", output === "stream" ? "inherit" : "pipe"],
      // A process group of its own, so that what it starts can be ended with it.
      detached: process.platform !== "win32",
      // npm, npx and pnpm are .cmd files on Windows, which only a shell can start.
      shell: process.platform === "win32",
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs }),
    });
    running.add(child);
    let all = "";
    let stdout = "";
    child.stdout?.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      all += text;
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (/** @type {string} */ text) => {
      all += text;
    });
    child.on("error", (error) => {
      running.delete(child);
      resolve({ ok: false, exitCode: null, output: `${all}${command}: ${error.message}\n`, stdout });
    });
    child.on("close", (exitCode) => {
      running.delete(child);
      resolve({ ok: exitCode === 0, exitCode, output: all, stdout });
    });
  });
}

/** Ends every command that is still running, with all that it started. */
export async function endRunningCommands() {
  const ended = Promise.all([...running].map((child) => new Promise((resolve) => child.once("close", resolve))));
  signalRunning("SIGTERM");
  await Promise.race([ended, sleep(endTimeoutMs, undefined, { ref: false })]);
  signalRunning("SIGKILL");
  await ended;
}

/** @param {NodeJS.Signals} signal */
function signalRunning(signal) {
  for (const child of running) {
    if (child.pid === undefined || process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  }
}
