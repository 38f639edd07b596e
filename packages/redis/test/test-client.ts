import { once } from "node:events";
import { Redis } from "ioredis";
import { redisClientOptions } from "../src/index.js";

/** A client as the documentation asks for, whose errors are what the tests are for. */
export function createTestClient(port: number): Redis {
  const client = new Redis(port, "127.0.0.1", redisClientOptions);
  client.on("error", () => undefined);
  return client;
}

/** Resolves when the client has its connection, now or later. */
export async function ready(client: Redis): Promise<void> {
  if (client.status !== "ready") await once(client, "ready");
}
