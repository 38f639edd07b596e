// @ts-check
import { findExecutable, freePort, startPrivateServer, temporaryFolder } from "./private-server.mjs";

/**
 * Redis; a private one is the installed server, without persistence.
 *
 * @type {import("../services.mjs").ServiceDefinition}
 */
export const redis = {
  title: "Redis",
  variable: "REDIS_URL",
  localUrls: () => ["redis://127.0.0.1:6379"],
  probe,
  executable,
  debianPackages: ["redis-server"],
  start,
};

/** @param {string} url */
async function probe(url) {
  const { Redis } = await import("ioredis");
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 3000,
    commandTimeout: 3000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  /** @type {Error | undefined} */
  let failure;
  // The rejection says only that the connection closed, the event says why.
  client.on("error", (error) => {
    failure = error;
  });
  try {
    await client.connect();
    const info = await client.info("server");
    return /redis_version:(\S+)/.exec(info)?.[1] ?? "of an unknown version";
  } catch (error) {
    throw failure ?? error;
  } finally {
    client.disconnect();
  }
}

function executable() {
  return findExecutable("redis-server");
}

async function start() {
  const server = executable();
  if (server === undefined) throw new Error("Redis is not installed.");
  const folder = temporaryFolder("redis");
  const port = await freePort();
  return startPrivateServer({
    title: "Redis",
    command: server,
    args: ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"],
    folder,
    url: `redis://127.0.0.1:${port}`,
    probe,
  });
}
