import { randomBytes } from "node:crypto";
import { runDemo } from "./run-demo.js";

/**
 * The demo: `node dist/demo.js [--json] [--services]`.
 *
 * Needs a PostgreSQL at DATABASE_URL; with --services also a RabbitMQ at AMQP_URL.
 */
const flags = new Set(process.argv.slice(2));
const databaseUrl = process.env.DATABASE_URL;
const amqpUrl = process.env.AMQP_URL;
const withRabbitMq = flags.has("--services");
if (databaseUrl === undefined) throw new Error("Set DATABASE_URL to a PostgreSQL server, or run `npm run demo`.");
if (withRabbitMq && amqpUrl === undefined) throw new Error("Set AMQP_URL to a RabbitMQ server, or run `npm run demo`.");

// With --json stdout is for the result alone, so the story goes to stderr.
const tell = flags.has("--json") ? console.error : console.log;
const result = await runDemo({
  databaseUrl,
  amqpUrl: withRabbitMq ? amqpUrl : undefined,
  name: `omni_box_demo_${randomBytes(4).toString("hex")}`,
  tell,
}).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});
if (flags.has("--json")) console.log(JSON.stringify(result));
process.exitCode = result.ok ? 0 : 1;
