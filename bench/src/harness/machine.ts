import { cpus, totalmem } from "node:os";
import { connect } from "amqplib";
import pg from "pg";
import { amqpUrl, databaseUrl } from "./services.js";
import { versionOf } from "./version-of.js";

/** What the figures were taken on, a line for each part. */
export async function describeMachine(): Promise<readonly string[]> {
  const client = new pg.Client(databaseUrl);
  await client.connect();
  const settings = ["server_version", "shared_buffers", "fsync", "synchronous_commit", "autovacuum"];
  const shown: unknown[] = [];
  for (const name of settings) shown.push(...Object.values((await client.query(`SHOW ${name}`)).rows[0]));
  await client.end();
  const connection = await connect(amqpUrl);
  const rabbitMq = connection.connection.serverProperties.version;
  await connection.close();
  const [cpu] = cpus();
  const memoryGib = Math.round(totalmem() / 1_073_741_824);
  return [
    `${cpus().length} cores (${cpu?.model.trim() ?? "unknown"}), ${memoryGib} GiB, ${process.platform}, shared by the benchmark and all servers`,
    `Node ${process.versions.node}, Prisma ${versionOf("@prisma/client")}, pg ${versionOf("pg")}, amqplib ${versionOf("amqplib")}`,
    `PostgreSQL ${shown[0]}, shared_buffers ${shown[1]}, fsync ${shown[2]}, synchronous_commit ${shown[3]}, autovacuum ${shown[4]}`,
    `RabbitMQ ${rabbitMq}, one node, quorum queues`,
  ];
}
