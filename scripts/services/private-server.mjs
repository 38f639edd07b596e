// @ts-check
import { spawn } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const readyTimeoutMs = 90_000;
const stopTimeoutMs = 15_000;

/**
 * @typedef {object} ServerOptions
 * @property {string} title
 * @property {string} command
 * @property {string[]} args
 * @property {string} folder Its working folder, removed when it has stopped.
 * @property {string} url
 * @property {(url: string) => Promise<string>} probe
 * @property {NodeJS.ProcessEnv} [env]
 * @property {{ uid: number, gid: number } | undefined} [owner]
 * @property {NodeJS.Signals} [stopSignal]
 * @property {() => Promise<void>} [afterStop]
 */

/**
 * Starts a server as a child process and waits until it answers.
 *
 * @param {ServerOptions} options
 * @returns {Promise<import("../services.mjs").StartedService>}
 */
export async function startPrivateServer(options) {
  const { title, command, args, folder, url, probe, env = process.env, owner, stopSignal = "SIGTERM" } = options;
  const child = spawn(command, args, {
    cwd: folder,
    env,
    ...owner,
    stdio: ["ignore", "pipe", "pipe"],
    // Its own process group: Ctrl-C in the terminal must not reach it before the tests have ended.
    detached: true,
  });
  let log = "";
  const keep = (/** @type {Buffer} */ chunk) => {
    log = (log + chunk.toString()).slice(-4000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const ended = new Promise((resolve) => {
    child.once("exit", resolve);
    child.once("error", (error) => resolve(keep(Buffer.from(error.message))));
  });
  let hasEnded = false;
  void ended.then(() => {
    hasEnded = true;
  });

  const killGroup = () => {
    if (hasEnded || child.pid === undefined) return;
    process.kill(process.platform === "win32" ? child.pid : -child.pid, "SIGKILL");
  };
  // The last resort, when this process ends without having stopped its servers.
  const onExit = () => {
    killGroup();
    rmSync(folder, { recursive: true, force: true });
  };
  process.once("exit", onExit);

  const stop = async () => {
    child.kill(stopSignal);
    await Promise.race([ended, sleep(stopTimeoutMs, undefined, { ref: false })]);
    killGroup();
    await ended;
    await options.afterStop?.();
    process.off("exit", onExit);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };

  const giveUpAt = Date.now() + readyTimeoutMs;
  for (;;) {
    const reason = await probe(url).then(
      () => undefined,
      (error) => error,
    );
    if (reason === undefined) return { url, stop };
    if (hasEnded || Date.now() > giveUpAt) {
      await stop();
      throw new Error(`A private ${title} did not start: ${reason.message}\n${log}`);
    }
    await sleep(100);
  }
}

/**
 * A new folder in the system's place for temporary files.
 *
 * @param {string} name
 * @param {{ uid: number, gid: number }} [owner]
 */
export function temporaryFolder(name, owner) {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), `omni-box-${name}-`));
  if (owner) chownSync(folder, owner.uid, owner.gid);
  return folder;
}

/** @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/**
 * The first of these programs that exists: on the path, or in the folders where packages put servers.
 *
 * @param {string} name
 * @param {string[]} [folders] looked at before the path
 */
export function findExecutable(name, folders = []) {
  const path = (process.env.PATH ?? "").split(delimiter);
  return [...folders, ...path, "/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/opt/homebrew/sbin"]
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}
