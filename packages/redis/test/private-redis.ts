import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { Redis } from "ioredis";

const run = promisify(execFile);

/** A Redis of the test's own without persistence, which may be killed, stopped and restarted. */
export interface PrivateRedis {
  readonly port: number;
  readonly url: string;
  /** Starts it, empty; resolves when it answers. */
  start(): Promise<void>;
  /** Ends it with SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Stops the process as SIGSTOP does: connections stay, and nothing is answered. */
  freeze(): Promise<void>;
  /** Lets it go on. */
  thaw(): Promise<void>;
  /** Sends one command over a connection of its own. */
  command(name: string, ...args: readonly string[]): Promise<unknown>;
  /** Ends it and removes what it left. */
  remove(): Promise<void>;
}

/** Makes a Redis on a free port, from the installed server, else as a container; it is not started yet. */
export async function createPrivateRedis(): Promise<PrivateRedis> {
  const port = await freePort();
  const server = findServer();
  const node = server === undefined ? await createContainer(port) : createProcess(server, port);
  const url = `redis://127.0.0.1:${port}`;
  const command = (name: string, ...args: readonly string[]) => sendOnce(port, name, args);
  return {
    ...node,
    port,
    url,
    command,
    async start() {
      await node.start();
      // It listens a moment before it answers.
      for (;;) {
        const answer = await command("PING").catch(() => null);
        if (answer === "PONG") return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}

/** The same, started. */
export async function startPrivateRedis(): Promise<PrivateRedis> {
  const redis = await createPrivateRedis();
  await redis.start();
  return redis;
}

type Node = Pick<PrivateRedis, "start" | "kill" | "freeze" | "thaw" | "remove">;

function createProcess(server: string, port: number): Node {
  const folder = mkdtempSync(join(tmpdir(), "omni-box-redis-"));
  let child: ReturnType<typeof spawn> | null = null;
  const kill = async () => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    child = null;
  };
  // The last resort, when the tests end without having removed it.
  const onExit = () => child?.kill("SIGKILL");
  process.once("exit", onExit);
  return {
    kill,
    async start() {
      const options = ["--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"];
      child = spawn(server, ["--port", String(port), ...options, "--repl-diskless-sync-delay", "0"], {
        stdio: "ignore",
      });
      await once(child, "spawn");
    },
    freeze: async () => void child?.kill("SIGSTOP"),
    thaw: async () => void child?.kill("SIGCONT"),
    async remove() {
      await kill();
      process.off("exit", onExit);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function createContainer(port: number): Promise<Node> {
  const name = `omni-box-test-${port}`;
  const docker = async (...args: readonly string[]) => {
    await run("docker", [...args]);
  };
  const image = process.env.OMNI_BOX_REDIS_IMAGE ?? "redis:8";
  await docker(
    "create",
    "--name",
    name,
    "--network",
    "host",
    image,
    "redis-server",
    "--port",
    String(port),
    "--save",
    "",
  );
  return {
    start: () => docker("start", name),
    kill: () => docker("kill", "--signal", "KILL", name),
    freeze: () => docker("pause", name),
    thaw: () => docker("unpause", name),
    remove: () => docker("rm", "--force", "--volumes", name),
  };
}

async function sendOnce(port: number, name: string, args: readonly string[]): Promise<unknown> {
  const client = new Redis(port, "127.0.0.1", { lazyConnect: true, retryStrategy: null, connectTimeout: 2_000 });
  client.on("error", ignore);
  try {
    await client.connect();
    return await client.call(name, ...args);
  } finally {
    client.disconnect();
  }
}

function findServer(): string | undefined {
  return [...(process.env.PATH ?? "").split(delimiter), "/usr/local/bin", "/opt/homebrew/bin"]
    .map((folder) => join(folder, "redis-server"))
    .find((file) => existsSync(file));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

function ignore(): void {
  // What went wrong is said by the command's own rejection.
}
