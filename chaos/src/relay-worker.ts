import { createOutboxRelay, leased } from "@omni-box/core";
import { createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { openDatabase } from "./open-database.js";

/**
 * A relay in a process of its own, to be killed: `node relay-worker.js <database url> <schema> <amqp url> <exchange>`.
 *
 * Small batches and a short lease, so that a kill finds it in the middle of one and the next worker need not wait long.
 */
const [databaseUrl, schema, amqpUrl, exchange] = process.argv.slice(2);
if (databaseUrl === undefined || schema === undefined || amqpUrl === undefined || exchange === undefined) {
  throw new Error("Usage: relay-worker.js <database url> <schema> <amqp url> <exchange>");
}
const relay = createOutboxRelay({
  repository: openDatabase(databaseUrl, schema).repository,
  publisher: createRabbitMqPublisher({ connect: () => connect(amqpUrl, { noDelay: true }), exchange }),
  fetch: leased({ leaseMs: 1_500 }),
  publishTimeoutMs: 700,
  batchSize: 50,
});
await relay.start();
console.log("running");
