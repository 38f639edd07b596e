import { describeFailure, isOmniBoxError } from "@omni-box/core";
import { cliDefaults } from "../defaults.js";
import type { Finding } from "./finding.js";
import { importPeer } from "./import-peer.js";
import { hostOf } from "./service-url.js";
import { withinTime } from "./within-time.js";

/** Which broker is looked at, and what must exist there. */
export interface RabbitMqCheck {
  readonly url: string;
  readonly exchanges: readonly string[];
  readonly queues: readonly string[];
}

/** Looks whether RabbitMQ answers, and whether the exchanges and queues exist. Changes nothing. */
export async function checkRabbitMq({ url, exchanges, queues }: RabbitMqCheck): Promise<readonly Finding[]> {
  const amqp = await importPeer(() => import("amqplib"));
  const adapter = await importPeer(() => import("@omni-box/rabbitmq"));
  if (amqp === null || adapter === null) {
    const advice = "install amqplib and @omni-box/rabbitmq beside this package, or leave the broker's URL out";
    return [{ name: "RabbitMQ", status: "skipped", found: "a package that it needs is not installed", advice }];
  }
  let connection: Awaited<ReturnType<typeof amqp.connect>>;
  try {
    connection = await amqp.connect(url, { timeout: cliDefaults.serviceTimeoutMs });
  } catch (error) {
    const found = `${hostOf(url)} does not let us in: ${describeFailure(error).message}`;
    return [
      { name: "RabbitMQ", status: "problem", found, advice: "check that it runs, and the URL with its user and vhost" },
    ];
  }
  // An emitter without this listener would end the process.
  connection.on("error", () => undefined);
  try {
    const topology = adapter.defineTopology({
      exchanges: exchanges.map((name) => ({ name })),
      queues: queues.map((name) => ({ name })),
    });
    const answers: Finding = { name: "RabbitMQ", status: "ok", found: `${hostOf(url)} answers`, advice: null };
    const check = () => withinTime(adapter.checkTopology(connection, topology), cliDefaults.serviceTimeoutMs);
    return [answers, await topologyFinding(check, exchanges.length + queues.length)];
  } finally {
    // A broker that does not answer would not answer this either.
    await withinTime(connection.close(), cliDefaults.serviceTimeoutMs).catch(() => undefined);
  }
}

async function topologyFinding(check: () => Promise<void>, count: number): Promise<Finding> {
  const name = "RabbitMQ topology";
  if (count === 0) {
    const advice = "name what must exist by --exchange and --queue, or in doctor of omni-box.config";
    return { name, status: "skipped", found: "no exchange and no queue is named", advice };
  }
  try {
    await check();
    return { name, status: "ok", found: `all ${count} exchanges and queues exist`, advice: null };
  } catch (error) {
    const problems = isOmniBoxError(error, "CONFIG.TOPOLOGY_MISMATCH") ? error.meta.problems : undefined;
    const found = Array.isArray(problems) ? problems.join("; ") : describeFailure(error).message;
    return {
      name,
      status: "problem",
      found,
      advice: "create what is missing, or let the publisher or consumer assert its topology",
    };
  }
}
