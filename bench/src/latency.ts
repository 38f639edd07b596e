import { setTimeout as pause } from "node:timers/promises";
import type { Aim, BenchmarkCase, BenchmarkReport } from "./benchmark-report.js";
import { alternate, compared } from "./harness/alternate.js";
import { type Environment, withEnvironment } from "./harness/environment.js";
import { fillOutbox } from "./harness/fill-outbox.js";
import { percentile } from "./harness/statistics.js";
import { untilShared } from "./harness/wait-until.js";
import { startWorkers, type Workers } from "./harness/workers.js";
import type { RunOptions } from "./run-options.js";

const ratesPerSecond = [100, 1_000, 5_000];
const tickMs = 10;
/** Longer than the longest pause of an idle relay. */
const leadInMs = 1_500;
const percents = [50, 95, 99] as const;
const aims: Readonly<Record<string, Aim>> = {
  "1000 events/s, p50": { of: "value", atMost: 10 },
  "1000 events/s, p99": { of: "value", atMost: 50 },
};

const method = `One relay in a process of its own, without a nudge: it finds events by polling. Every ${tickMs} ms a transaction
commits what the rate asks for. The time runs from the answer to the commit until the message is at a consumer of the queue.
The first ${leadInMs / 1_000} s of each round are not counted: a relay that has had nothing to do looks once a second, unless it is woken.`;

/** Measures from commit to delivery; each rate lasts as long as `events` take at 1,000 a second. */
export async function benchLatency({ events, rounds }: RunOptions): Promise<BenchmarkReport> {
  const cases: BenchmarkCase[] = [];
  await withEnvironment(async (environment) => {
    const flows = {
      omniBox: await startFlow(environment, "omniBox"),
      handWritten: await startFlow(environment, "handWritten"),
    };
    for (const rate of ratesPerSecond) {
      const wanted = Math.ceil((events * rate) / 1_000);
      const latencies = { omniBox: [] as number[][], handWritten: [] as number[][] };
      const run = (way: keyof typeof flows) => async () => {
        const uncounted = Math.ceil((leadInMs * rate) / 1_000);
        const measured = (await deliver(environment, flows[way], rate, uncounted + wanted)).slice(uncounted);
        latencies[way].push(measured);
        return percentile(measured, 50);
      };
      await alternate({ omniBox: run("omniBox"), handWritten: run("handWritten") }, { warmUps: 1, rounds });
      for (const percent of percents) {
        // The first round warmed up.
        const of = (way: keyof typeof flows) =>
          latencies[way].slice(1).map((measured) => percentile(measured, percent));
        const name = `${rate} events/s, p${percent}`;
        cases.push(compared(name, "ms", { omniBox: of("omniBox"), handWritten: of("handWritten") }, aims[name]));
      }
    }
  });
  return { name: "latency", method, cases };
}

interface Flow {
  readonly lane: string;
  readonly workers: Workers;
}

async function startFlow(environment: Environment, way: "omniBox" | "handWritten"): Promise<Flow> {
  const lane = await environment.createLane();
  const workers = await startWorkers(environment, { way, lane, isOrdered: true });
  if (way === "omniBox") await untilShared(environment, lane, workers);
  return { lane, workers };
}

/** Commits events at the rate and returns each one's milliseconds from the commit to the consumer. */
async function deliver(
  environment: Environment,
  { lane, workers }: Flow,
  rate: number,
  events: number,
): Promise<number[]> {
  const committedAt = new Float64Array(events);
  const deliveredAt = new Float64Array(events);
  const channel = await environment.connection.createChannel();
  let arrived = 0;
  const { consumerTag } = await channel.consume(
    lane,
    (message) => {
      if (message === null) return;
      const number = Number(JSON.parse(message.content.toString()).orderId);
      if (deliveredAt[number] === 0) arrived += 1;
      deliveredAt[number] ||= performance.now();
    },
    { noAck: true },
  );
  const startedAt = performance.now();
  for (let committed = 0; committed < events; ) {
    const due = Math.min(events, Math.ceil(((performance.now() - startedAt) / 1_000) * rate));
    if (due > committed) {
      const at = await fillOutbox(environment.pool, lane, { events: due - committed, keys: 1_000, first: committed });
      committedAt.fill(at, committed, due);
      committed = due;
    }
    workers.assertRunning();
    await pause(tickMs);
  }
  while (arrived < events) {
    workers.assertRunning();
    await pause(tickMs);
  }
  await channel.cancel(consumerTag);
  await channel.close();
  // A message may be here before the answer to its commit is.
  return Array.from(committedAt, (at, number) => Math.max(0, (deliveredAt[number] ?? 0) - at));
}
