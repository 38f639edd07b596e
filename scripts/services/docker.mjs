// @ts-check
import { runCommand } from "../run-command.mjs";
import { freePort } from "./private-server.mjs";

/** Whether a Docker engine answers; a client without an engine is none. */
export async function dockerAnswers() {
  const info = await runCommand("docker", ["info"], { timeoutMs: 10_000 });
  if (!info.ok) return false;
  return (await runCommand("docker", ["compose", "version"], { timeoutMs: 10_000 })).ok;
}

/**
 * Starts services of compose.yaml on free ports, under a project name of this process: whoever runs the same file by
 * hand keeps theirs.
 *
 * @param {import("../services.mjs").ServiceName[]} names
 * @returns {Promise<Map<import("../services.mjs").ServiceName, import("../services.mjs").StartedService>>}
 */
export async function composeServices(names) {
  const [postgresPort, amqpPort, managementPort, redisPort] = await Promise.all([
    freePort(),
    freePort(),
    freePort(),
    freePort(),
  ]);
  const env = {
    OMNI_BOX_POSTGRES_PORT: String(postgresPort),
    OMNI_BOX_AMQP_PORT: String(amqpPort),
    OMNI_BOX_AMQP_MANAGEMENT_PORT: String(managementPort),
    OMNI_BOX_REDIS_PORT: String(redisPort),
  };
  const urls = {
    postgres: `postgresql://postgres@127.0.0.1:${postgresPort}/postgres`,
    rabbitmq: `amqp://guest:guest@127.0.0.1:${amqpPort}`,
    redis: `redis://127.0.0.1:${redisPort}`,
  };
  const compose = ["compose", "--project-name", `omni-box-${process.pid}`];
  let down = false;
  const stop = async () => {
    // All services of the project go at once, and each of them asks for it.
    if (down) return;
    down = true;
    const stopped = await runCommand("docker", [...compose, "down", "--volumes", "--timeout", "5"], { env });
    if (!stopped.ok) throw new Error(`docker compose down failed:\n${stopped.output}`);
  };

  const up = await runCommand("docker", [...compose, "up", "--detach", "--wait", ...names], { env });
  if (!up.ok) {
    await stop();
    throw new Error(up.output);
  }
  return new Map(names.map((name) => [name, { url: urls[name], stop }]));
}
