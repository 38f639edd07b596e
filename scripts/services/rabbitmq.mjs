// @ts-check
import { spawnSync } from "node:child_process";
import { readdirSync, realpathSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findExecutable, freePort, startPrivateServer, temporaryFolder } from "./private-server.mjs";

/**
 * RabbitMQ; a private one is the installed server under a node name, folders and ports of its own.
 *
 * @type {import("../services.mjs").ServiceDefinition}
 */
export const rabbitmq = {
  title: "RabbitMQ",
  variable: "AMQP_URL",
  localUrls: () => ["amqp://guest:guest@127.0.0.1:5672"],
  probe,
  executable,
  debianPackages: ["rabbitmq-server"],
  start,
};

/** @param {string} url */
async function probe(url) {
  const { default: amqp } = await import("amqplib");
  const connection = await amqp.connect(url, { timeout: 3000 });
  connection.on("error", () => undefined);
  const { version } = connection.connection.serverProperties;
  await connection.close();
  return String(version);
}

function executable() {
  const found = findExecutable("rabbitmq-server", [
    "/usr/lib/rabbitmq/bin",
    "/usr/local/opt/rabbitmq/sbin",
    "/opt/homebrew/opt/rabbitmq/sbin",
  ]);
  // The distribution's wrapper would run the system's own node, as the system's own user.
  return found === undefined || realpathSync(found).endsWith("rabbitmq-script-wrapper") ? undefined : found;
}

async function start() {
  const server = executable();
  if (server === undefined) throw new Error("RabbitMQ is not installed.");
  const folder = temporaryFolder("rabbitmq");
  const [port, distributionPort, mapperPort] = await Promise.all([freePort(), freePort(), freePort()]);
  const env = {
    ...process.env,
    // The Erlang cookie is kept in the home folder.
    HOME: folder,
    // A name server of its own, so that none is left behind and the system's is not asked.
    ERL_EPMD_PORT: String(mapperPort),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `omni-box-${port}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq"),
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
  };
  writeFileSync(join(folder, "enabled_plugins"), "[].\n");
  return startPrivateServer({
    title: "RabbitMQ",
    command: server,
    args: [],
    folder,
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    probe,
    env,
    async afterStop() {
      spawnSync(nameServer(), ["-port", String(mapperPort), "-kill"], { env });
    },
  });
}

/** `epmd`, which Debian puts on the path and others beside the Erlang runtime. */
function nameServer() {
  const onPath = findExecutable("epmd");
  if (onPath !== undefined) return onPath;
  const erlang = findExecutable("erl");
  const libraries = erlang === undefined ? "" : join(dirname(realpathSync(erlang)), "..");
  const runtime = libraries === "" ? undefined : readdirSync(libraries).find((name) => name.startsWith("erts-"));
  return runtime === undefined ? "epmd" : join(libraries, runtime, "bin", "epmd");
}
