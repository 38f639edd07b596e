import type { Aim, BenchmarkCase, BenchmarkReport } from "./benchmark-report.js";
import { alternate, compared, ratio } from "./harness/alternate.js";
import { checkQueue } from "./harness/check-queue.js";
import { type Environment, withEnvironment } from "./harness/environment.js";
import { fillOutbox } from "./harness/fill-outbox.js";
import { untilArrived, untilRecorded, untilShared } from "./harness/wait-until.js";
import { startWorkers, type Way, type Workers } from "./harness/workers.js";
import { addJobs, createJobQueue, graphileWorkerName, jobsSchema } from "./peers/graphile-worker.js";
import type { RunOptions } from "./run-options.js";

const keyCount = 10_000;

/** A case, and what it is measured with. */
interface RelayCase {
  readonly name: string;
  readonly keys: number;
  /** Divides the number of events, for cases that the broker's answers make slow. */
  readonly divisor?: number;
  readonly aim?: Aim;
}

/** The relays of one way, which stay up between the rounds, as they do in a service. */
interface Team {
  readonly way: Way;
  readonly lane: string;
  readonly isOrdered: boolean;
  readonly workers: Workers;
}

const singleProcessCases: readonly RelayCase[] = [
  { name: "ordered, 1,000 keys", keys: 1_000 },
  { name: "ordered, 10 keys", keys: 10, divisor: 2 },
  { name: "ordered, 1 key", keys: 1, divisor: 10, aim: { of: "ratio", atLeast: 0.8 } },
];

const method = `The relays wait with nothing to do. Events are committed all at once, and the time runs from the answer to that
commit until the queue holds all of them and their outcomes are recorded. "unordered" is the row-lease strategy \`leased()\`
with default options, the others are the default strategy. Several processes share the buckets evenly before the first round.
The job queue moves jobs without order, one event each; the comparison with it is the median of the rounds' own ratios.`;

/** Measures how fast committed events get into a quorum queue, confirmed and recorded. */
export async function benchRelay({ events, rounds }: RunOptions): Promise<BenchmarkReport> {
  const counts = { warmUps: 1, rounds };
  const cases: BenchmarkCase[] = [];
  await withEnvironment(async (environment) => {
    const teams = await startTeams(environment, ["omniBox", "handWritten"], false);
    const jobs = await startJobQueue(environment);
    const ways = {
      ...roundsOf(environment, teams, events, keyCount),
      [graphileWorkerName]: () => jobRound(environment, jobs, events),
    };
    cases.push(compared("unordered", "events/s", await alternate(ways, counts)));
  });
  await withEnvironment(async (environment) => {
    const teams = await startTeams(environment, ["omniBox", "handWritten"], true);
    const jobs = await startJobQueue(environment);
    const beside = {
      ...roundsOf(environment, teams, events, keyCount),
      [graphileWorkerName]: () => jobRound(environment, jobs, events),
    };
    const measured = await alternate<string>(beside, counts);
    const { omniBox = [], [graphileWorkerName]: jobQueue = [] } = measured;
    cases.push(compared("ordered, 10,000 keys", "events/s", { ...measured, omniBox }, { of: "ratio", atLeast: 0.85 }), {
      case: "ordered, 10,000 keys / job queue",
      value: ratio(omniBox, jobQueue),
      unit: "",
      aim: { of: "value", atLeast: 1.5 },
    });
    for (const { name, keys, divisor = 1, aim } of singleProcessCases) {
      const ways = roundsOf(environment, teams, Math.ceil(events / divisor), keys);
      cases.push(compared(name, "events/s", await alternate(ways, counts), aim));
    }
  });
  for (const processes of [2, 4]) {
    await withEnvironment(async (environment) => {
      const teams = await startTeams(environment, ["omniBox", "handWritten"], true, processes);
      const ways = roundsOf(environment, teams, events, keyCount);
      cases.push(compared(`ordered, 10,000 keys, ${processes} processes`, "events/s", await alternate(ways, counts)));
    });
  }
  return { name: "relay", method, cases };
}

async function startTeams(
  environment: Environment,
  ways: readonly ("omniBox" | "handWritten")[],
  isOrdered: boolean,
  processes = 1,
): Promise<readonly Team[]> {
  const teams: Team[] = [];
  for (const way of ways) {
    const lane = await environment.createLane();
    const workers = await startWorkers(environment, { way, lane, isOrdered }, processes);
    if (way === "omniBox" && isOrdered) await untilShared(environment, lane, workers);
    teams.push({ way, lane, isOrdered, workers });
  }
  return teams;
}

function roundsOf(environment: Environment, teams: readonly Team[], events: number, keys: number) {
  const rounds = teams.map((team) => [team.way, () => relayRound(environment, team, events, keys)] as const);
  return Object.fromEntries(rounds) as Record<"omniBox" | "handWritten", () => Promise<number>>;
}

async function relayRound(environment: Environment, team: Team, events: number, keys: number): Promise<number> {
  const { way, lane, workers, isOrdered } = team;
  const startedAt = await fillOutbox(environment.pool, lane, { events, keys });
  workers.nudge();
  await untilArrived(environment, lane, events, workers);
  await untilRecorded(environment, lane, workers);
  const seconds = (performance.now() - startedAt) / 1_000;
  await checkQueue(environment, lane, { events, isOrdered, sender: way });
  await environment.pool.query(`TRUNCATE "${lane}".outbox_event`);
  return events / seconds;
}

async function startJobQueue(environment: Environment): Promise<Team> {
  const lane = await environment.createLane();
  environment.onEnd(() => environment.pool.query(`DROP SCHEMA IF EXISTS "${jobsSchema(lane)}" CASCADE`));
  await createJobQueue(lane);
  const workers = await startWorkers(environment, { way: "graphileWorker", lane, isOrdered: false });
  return { way: "graphileWorker", lane, isOrdered: false, workers };
}

async function jobRound(environment: Environment, { lane, workers }: Team, events: number): Promise<number> {
  await addJobs(environment.pool, lane, events, keyCount);
  const startedAt = performance.now();
  await untilArrived(environment, lane, events, workers);
  const seconds = (performance.now() - startedAt) / 1_000;
  await checkQueue(environment, lane, { events, isOrdered: false, sender: "the job queue" });
  return events / seconds;
}
