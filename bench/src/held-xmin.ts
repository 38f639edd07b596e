import { setTimeout as pause } from "node:timers/promises";
import type { BenchmarkReport } from "./benchmark-report.js";
import { Arrivals } from "./harness/arrivals.js";
import { type Environment, withEnvironment } from "./harness/environment.js";
import { fillOutbox } from "./harness/fill-outbox.js";
import { median, rounded } from "./harness/statistics.js";
import { untilShared } from "./harness/wait-until.js";
import { startWorkers, type Workers } from "./harness/workers.js";
import type { RunOptions } from "./run-options.js";

const fillAtOnce = 2_000;
const keyCount = 10_000;
const lookMs = 5;

/** How long each part takes, and into how many intervals it is divided. */
interface Times {
  readonly warmUpMs: number;
  readonly freeMs: number;
  readonly heldMs: number;
  readonly intervals: number;
}

const shortTimes: Times = { warmUpMs: 3_000, freeMs: 6_000, heldMs: 18_000, intervals: 12 };
const fullTimes: Times = { warmUpMs: 10_000, freeMs: 60_000, heldMs: 600_000, intervals: 30 };

/** Measures what another transaction that stays open, so that no dead row can be removed, does to the throughput. */
export async function benchHeldXmin({ events, isFull }: RunOptions): Promise<BenchmarkReport> {
  const times = isFull ? fullTimes : shortTimes;
  const omniBox = await withEnvironment((environment) => measure(environment, "omniBox", events, times));
  const handWritten = await withEnvironment((environment) => measure(environment, "handWritten", events, times));
  const fifth = Math.max(1, Math.floor(times.intervals / 5));
  const share = (one: readonly number[], other: readonly number[]) => rounded(median(one) / median(other));
  const compare = (of: (measured: Measured) => readonly number[]) => ({
    value: rounded(median(of(omniBox))),
    unit: "events/s",
    spread: [rounded(Math.min(...of(omniBox))), rounded(Math.max(...of(omniBox)))] as const,
    handWritten: rounded(median(of(handWritten))),
    ratio: share(of(omniBox), of(handWritten)),
  });
  const within = (of: (measured: Measured) => number) => {
    const [value, byHand] = [of(omniBox), of(handWritten)];
    return { value, unit: "", handWritten: byHand, ratio: rounded(value / byHand) };
  };
  return {
    name: "held-xmin",
    method: `A producer keeps about ${events.toLocaleString("en")} events pending and a consumer counts what arrives, on the same
machine. First for ${times.freeMs / 1_000} s, then for ${times.heldMs / 1_000} s with another transaction open that has written and holds a snapshot.
The figures are medians of intervals; the spread is over intervals.`,
    cases: [
      { case: "no other transaction", ...compare(({ free }) => free) },
      {
        case: `another transaction open for ${times.heldMs / 1_000} s`,
        ...compare(({ held }) => held),
        series: omniBox.held.map(rounded),
      },
      { case: "open / not open", ...within(({ free, held }) => share(held, free)), aim: { of: "value", atLeast: 0.9 } },
      {
        case: "last fifth / first fifth of the time it was open",
        ...within(({ held }) => share(held.slice(-fifth), held.slice(0, fifth))),
        aim: { of: "value", atLeast: 0.9 },
      },
    ],
  };
}

/** Events per second, interval by interval. */
interface Measured {
  readonly free: readonly number[];
  readonly held: readonly number[];
}

async function measure(
  environment: Environment,
  way: "omniBox" | "handWritten",
  backlog: number,
  times: Times,
): Promise<Measured> {
  const { pool, connection } = environment;
  const lane = await environment.createLane();
  const workers = await startWorkers(environment, { way, lane, isOrdered: true });
  if (way === "omniBox") await untilShared(environment, lane, workers);
  const arrivals = new Arrivals();
  const channel = await connection.createChannel();
  await channel.consume(lane, (message) => void (message !== null && arrivals.add(message)), { noAck: true });
  const flow = startFlow(environment, lane, backlog, arrivals, workers);

  await Promise.race([flow.ended, pause(times.warmUpMs)]);
  const free = await count(flow, arrivals, times.freeMs, Math.max(2, Math.ceil(times.intervals / 4)));
  const other = await pool.connect();
  environment.onEnd(async () => other.release(true));
  await other.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await other.query(`CREATE TABLE "${lane}".held AS SELECT 1`);
  const held = await count(flow, arrivals, times.heldMs, times.intervals);
  await other.query("ROLLBACK");
  flow.stop();
  await flow.ended;
  arrivals.assertComplete({ events: flow.committed(), isOrdered: true, sender: way });
  return { free, held };
}

/** The producer, until it is stopped; it ends when all that it committed has arrived. */
interface Flow {
  readonly ended: Promise<void>;
  committed(): number;
  stop(): void;
}

function startFlow(
  environment: Environment,
  lane: string,
  backlog: number,
  arrivals: Arrivals,
  workers: Workers,
): Flow {
  let committed = 0;
  let isStopped = false;
  async function produce(): Promise<void> {
    while (!isStopped || arrivals.events < committed) {
      workers.assertRunning();
      if (isStopped || committed - arrivals.events >= backlog) {
        await pause(lookMs);
        continue;
      }
      await fillOutbox(environment.pool, lane, { events: fillAtOnce, keys: keyCount, first: committed });
      committed += fillAtOnce;
      workers.nudge();
    }
  }
  const ended = produce();
  ended.catch(() => undefined);
  return {
    ended,
    committed: () => committed,
    stop() {
      isStopped = true;
    },
  };
}

async function count(flow: Flow, arrivals: Arrivals, ms: number, intervals: number): Promise<readonly number[]> {
  const rates: number[] = [];
  while (rates.length < intervals) {
    const before = { at: performance.now(), events: arrivals.events };
    await Promise.race([flow.ended, pause(ms / intervals)]);
    rates.push(((arrivals.events - before.events) * 1_000) / (performance.now() - before.at));
  }
  return rates;
}
