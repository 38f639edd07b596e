import { connect } from "amqplib";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import type pg from "pg";
import { amqpUrl, databaseUrl } from "../harness/services.js";
import { versionOf } from "../harness/version-of.js";
import type { RunningWorker } from "../harness/worker-process.js";
import type { WorkerSettings } from "../harness/workers.js";

/** Name and version of the job queue. */
export const graphileWorkerName = `graphile-worker ${versionOf("graphile-worker")}`;

/** One event as a job. */
interface EventJob {
  readonly seq: string;
  readonly key: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

const quiet = new Logger(() => () => undefined);

/** Where the jobs of a lane are. */
export const jobsSchema = (lane: string) => `${lane}_jobs`;

/** Makes the job queue's tables beside the lane's. */
export async function createJobQueue(lane: string): Promise<void> {
  const utils = await makeWorkerUtils({ connectionString: databaseUrl, schema: jobsSchema(lane), logger: quiet });
  await utils.migrate();
  await utils.release();
}

/** Adds jobs, one for each event, in one statement; they are visible at once. */
export async function addJobs(pool: pg.Pool, lane: string, events: number, keys: number): Promise<void> {
  const schema = jobsSchema(lane);
  await pool.query(
    `SELECT count(*) FROM "${schema}".add_jobs(ARRAY(
       SELECT ROW('publish', json_build_object('seq', n::text, 'key', 'order:' || n % $2::integer, 'payload', json_build_object(
         'orderId', n, 'customer', 'Ada Lovelace', 'note', repeat('x', 200))), NULL, now(), 10, NULL, NULL, NULL)::"${schema}".job_spec
       FROM generate_series(1, $1::integer) AS n))`,
    [events, keys],
  );
}

/** The job queue as a relay: a job publishes one event and is done when the broker has confirmed. Batched as its own guide advises. */
export async function runGraphileWorker({ lane }: WorkerSettings): Promise<RunningWorker> {
  const connection = await connect(amqpUrl, { noDelay: true });
  const channels = [await connection.createConfirmChannel(), await connection.createConfirmChannel()];
  let next = 0;
  const publish = (payload: unknown) =>
    new Promise<void>((resolve, reject) => {
      const { seq, key, payload: body } = payload as EventJob;
      const headers = { "omni-seq": seq, "omni-partition-key": key };
      const properties = { mandatory: true, persistent: true, contentType: "application/json", headers };
      next = (next + 1) % channels.length;
      channels[next]?.publish(lane, lane, Buffer.from(JSON.stringify(body)), properties, (error) =>
        error === null ? resolve() : reject(error),
      );
    });
  const runner = await run({
    connectionString: databaseUrl,
    schema: jobsSchema(lane),
    logger: quiet,
    noHandleSignals: true,
    noPreparedStatements: false,
    concurrency: 500,
    pollInterval: 100,
    taskList: { publish },
    preset: { worker: { localQueue: { size: 1_000 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
  });
  return {
    nudge: () => undefined,
    async stop() {
      await runner.stop();
      await connection.close();
    },
  };
}
