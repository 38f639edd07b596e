import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A RabbitMQ of the test's own, which may be killed, starved and restarted. */
export interface PrivateRabbitMq {
  /** Without a heartbeat setting. */
  readonly url: string;
  /** Ends it with SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same data; resolves when it accepts connections. */
  start(): Promise<void>;
  /** Runs `rabbitmqctl` against it. */
  ctl(...args: readonly string[]): Promise<void>;
  /** Ends it and removes its data. */
  remove(): Promise<void>;
}

const startTimeoutSeconds = 60;

/**
 * Starts a RabbitMQ on a free port: from the scripts of an installation (`RABBITMQ_HOME`, Debian's or Homebrew's place),
 * else as a container.
 *
 * @param config - lines for `rabbitmq.conf`
 * @param plugins - names of plugins to enable
 */
export async function startPrivateRabbitMq(
  config: readonly string[] = [],
  plugins: readonly string[] = [],
): Promise<PrivateRabbitMq> {
  const scripts = findScripts();
  const enabled = `[${plugins.join(",")}].\n`;
  const broker = scripts === null ? await createContainer(config, enabled) : await createNode(scripts, config, enabled);
  await broker.start();
  return broker;
}

function findScripts(): string | null {
  const { RABBITMQ_HOME } = process.env;
  const candidates = [
    ...(RABBITMQ_HOME === undefined ? [] : [join(RABBITMQ_HOME, "sbin")]),
    "/usr/lib/rabbitmq/bin",
    "/opt/homebrew/opt/rabbitmq/sbin",
    "/usr/local/opt/rabbitmq/sbin",
    "/home/linuxbrew/.linuxbrew/opt/rabbitmq/sbin",
  ];
  return candidates.find((folder) => existsSync(join(folder, "rabbitmq-server"))) ?? null;
}

async function createNode(scripts: string, config: readonly string[], plugins: string): Promise<PrivateRabbitMq> {
  const folder = mkdtempSync(join(tmpdir(), "omni-box-rabbitmq-"));
  const [port, distributionPort, nameServerPort] = [await freePort(), await freePort(), await freePort()];
  const pidFile = join(folder, "pid");
  const configFile = join(folder, "rabbitmq.conf");
  writeFileSync(configFile, config.map((line) => `${line}\n`).join(""));
  writeFileSync(join(folder, "enabled_plugins"), plugins);
  const env = {
    ...process.env,
    // The Erlang cookie is kept in the home folder.
    HOME: folder,
    // A name server of its own, so that none is left behind.
    ERL_EPMD_PORT: String(nameServerPort),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `omni-box-${port}@localhost`,
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_DIST_PORT: String(distributionPort),
    RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_PID_FILE: pidFile,
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    RABBITMQ_CONFIG_FILE: configFile,
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
  };
  const ctl = async (...args: readonly string[]) => {
    await run(join(scripts, "rabbitmqctl"), [...args], { env });
  };
  const kill = async () => {
    const pid = Number(readFileSync(pidFile, "utf8").trim());
    process.kill(pid, "SIGKILL");
    await untilGone(pid);
  };
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    ctl,
    kill,
    async start() {
      rmSync(pidFile, { force: true });
      await run(join(scripts, "rabbitmq-server"), ["-detached"], { env });
      await ctl("wait", "--timeout", String(startTimeoutSeconds), pidFile);
    },
    async remove() {
      if (existsSync(pidFile) && isRunning(Number(readFileSync(pidFile, "utf8").trim()))) await kill();
      await endNameServer(nameServerPort);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function createContainer(config: readonly string[], plugins: string): Promise<PrivateRabbitMq> {
  const folder = mkdtempSync(join(tmpdir(), "omni-box-rabbitmq-"));
  const pluginsFile = join(folder, "enabled_plugins");
  writeFileSync(pluginsFile, plugins, { mode: 0o644 });
  const configFile = join(folder, "10-test.conf");
  writeFileSync(configFile, config.map((line) => `${line}\n`).join(""), { mode: 0o644 });
  const port = await freePort();
  const name = `omni-box-test-${port}`;
  const image = process.env.OMNI_BOX_RABBITMQ_IMAGE ?? "rabbitmq:4-management";
  const docker = async (...args: readonly string[]) => {
    await run("docker", [...args]);
  };
  const ctl = (...args: readonly string[]) => docker("exec", name, "rabbitmqctl", ...args);
  // The host's name is part of the node's and must survive a restart.
  await docker("create", "--name", name, "--hostname", name, "-p", `127.0.0.1:${port}:5672`, image);
  await docker("cp", configFile, `${name}:/etc/rabbitmq/conf.d/20-test.conf`);
  await docker("cp", pluginsFile, `${name}:/etc/rabbitmq/enabled_plugins`);
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}`,
    ctl,
    kill: () => docker("kill", "--signal", "KILL", name),
    async start() {
      await docker("start", name);
      await ctl("await_startup", "--timeout", String(startTimeoutSeconds));
    },
    async remove() {
      await docker("rm", "--force", "--volumes", name);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Sends what `epmd -kill` would send; see "EPMD Protocol" in Erlang's distribution protocol. */
async function endNameServer(port: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.end(Buffer.from([0, 1, "k".charCodeAt(0)]));
  await new Promise((resolve) => socket.resume().once("close", resolve));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    // Signal 0 fails when there is no such process.
    return false;
  }
}

/** A process that is not our child gives no event when it ends, so this one has to be polled. */
async function untilGone(pid: number): Promise<void> {
  while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}
