import { randomBytes } from "node:crypto";
import { applyOmniBoxMigrations } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { type Channel, type ChannelModel, connect } from "amqplib";
import pg from "pg";
import { PrismaClient } from "../generated/client.js";
import { amqpUrl, databaseUrl } from "./services.js";

/** The servers, and what was made on them, which is removed at the end, also after a failure or an interruption. */
export interface Environment {
  /** Statements of the benchmark itself. */
  readonly pool: pg.Pool;
  readonly connection: ChannelModel;
  readonly channel: Channel;
  /** Makes a schema with our tables, and an exchange and a quorum queue of the same name. Ways that are compared get one each. */
  createLane(): Promise<string>;
  /** Runs before the lanes are removed; last come, first served. */
  onEnd(cleanUp: () => Promise<unknown>): void;
}

/** Runs a benchmark with connections and lanes of its own. */
export async function withEnvironment<Result>(work: (environment: Environment) => Promise<Result>): Promise<Result> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 5 });
  const connection = await connect(amqpUrl, { noDelay: true });
  const channel = await connection.createChannel();
  const cleanUps: (() => Promise<unknown>)[] = [];
  const removeAll = async () => {
    const problems: unknown[] = [];
    for (let next = cleanUps.pop(); next !== undefined; next = cleanUps.pop()) {
      await next().catch((error: unknown) => problems.push(error));
    }
    await connection.close();
    await pool.end();
    if (problems.length > 0) throw new AggregateError(problems, "what the benchmark made could not be removed");
  };
  let removing: Promise<void> | undefined;
  const cleanUp = () => {
    removing ??= removeAll();
    return removing;
  };
  // What fails because its connections are gone waits below for the same removal.
  const interrupted = () => void cleanUp().finally(() => process.exit(130));
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);

  async function createLane(): Promise<string> {
    const lane = `omni_box_bench_${randomBytes(4).toString("hex")}`;
    cleanUps.push(async () => {
      await pool.query(`DROP SCHEMA IF EXISTS "${lane}" CASCADE`);
      await channel.deleteQueue(lane);
      await channel.deleteExchange(lane);
    });
    await pool.query(`CREATE SCHEMA "${lane}"`);
    const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl }, { schema: lane }) });
    await applyOmniBoxMigrations(client, { schema: lane });
    await client.$disconnect();
    await channel.assertExchange(lane, "direct", { durable: true });
    await channel.assertQueue(lane, { durable: true, arguments: { "x-queue-type": "quorum" } });
    await channel.bindQueue(lane, lane, lane);
    return lane;
  }

  try {
    return await work({ pool, connection, channel, createLane, onEnd: (next) => void cleanUps.push(next) });
  } finally {
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
    await cleanUp();
  }
}
