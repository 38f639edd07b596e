import type { BenchmarkReport } from "./benchmark-report.js";
import { alternate, compared, ratio } from "./harness/alternate.js";
import { checkQueue } from "./harness/check-queue.js";
import { type Environment, withEnvironment } from "./harness/environment.js";
import { fillOutbox } from "./harness/fill-outbox.js";
import { rounded } from "./harness/statistics.js";
import { untilArrived, untilShared } from "./harness/wait-until.js";
import { startWorkers, type Workers } from "./harness/workers.js";
import type { RunOptions } from "./run-options.js";

const eventsBehind = 200_000;
const keyCount = 1_000;

const method = `The first event of one key has failed, and ${eventsBehind.toLocaleString("en")} events of that key wait behind it.
Events of ${keyCount.toLocaleString("en")} other keys are committed after them and timed until the queue holds them; the relays
were started when the key was blocked already.`;

/** Measures how much a blocked key with many events behind it slows the others. */
export async function benchBlockedKey({ events, rounds }: RunOptions): Promise<BenchmarkReport> {
  return withEnvironment(async (environment) => {
    const counts = { warmUps: 1, rounds };
    const lanes = { omniBox: await environment.createLane(), handWritten: await environment.createLane() };
    const measure = async () => {
      const teams = {
        omniBox: await startTeam(environment, "omniBox", lanes.omniBox),
        handWritten: await startTeam(environment, "handWritten", lanes.handWritten),
      };
      const ways = {
        omniBox: () => timed(environment, teams.omniBox, events),
        handWritten: () => timed(environment, teams.handWritten, events),
      };
      const measured = await alternate(ways, counts);
      for (const { workers } of Object.values(teams)) await workers.stop();
      return measured;
    };
    const without = await measure();
    for (const lane of Object.values(lanes)) await block(environment, lane);
    const blocked = await measure();
    const share = ratio(blocked.omniBox, without.omniBox);
    const shareByHand = ratio(blocked.handWritten, without.handWritten);
    return {
      name: "blocked-key",
      method,
      cases: [
        compared("no key is blocked", "events/s", without),
        compared(`one key is blocked, ${eventsBehind.toLocaleString("en")} events behind it`, "events/s", blocked),
        {
          case: "blocked / not blocked",
          value: share,
          unit: "",
          handWritten: shareByHand,
          ratio: rounded(share / shareByHand),
          aim: { of: "value", atLeast: 0.9 },
        },
      ],
    };
  });
}

interface Team {
  readonly way: "omniBox" | "handWritten";
  readonly lane: string;
  readonly workers: Workers;
}

async function startTeam(environment: Environment, way: "omniBox" | "handWritten", lane: string): Promise<Team> {
  const workers = await startWorkers(environment, { way, lane, isOrdered: true });
  if (way === "omniBox") await untilShared(environment, lane, workers);
  return { way, lane, workers };
}

async function block({ pool }: Environment, lane: string): Promise<void> {
  const table = `"${lane}".outbox_event`;
  // The failed head has to be there before what waits behind it is visible.
  await fillOutbox(pool, lane, { events: 1, keys: 1, keyPrefix: "blocked:", state: "later" });
  await pool.query(`UPDATE ${table} SET status = 'failed', attempts_made = max_attempts, last_error = 'refused'`);
  await fillOutbox(pool, lane, { events: eventsBehind, keys: 1, keyPrefix: "blocked:" });
}

async function timed(environment: Environment, { way, lane, workers }: Team, events: number): Promise<number> {
  const startedAt = await fillOutbox(environment.pool, lane, { events, keys: keyCount });
  workers.nudge();
  await untilArrived(environment, lane, events, workers);
  const seconds = (performance.now() - startedAt) / 1_000;
  await checkQueue(environment, lane, { events, isOrdered: true, sender: way });
  return events / seconds;
}
