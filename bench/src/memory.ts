import { setTimeout as pause } from "node:timers/promises";
import type { BenchmarkReport } from "./benchmark-report.js";
import { type Environment, withEnvironment } from "./harness/environment.js";
import { fillOutbox } from "./harness/fill-outbox.js";
import { rounded } from "./harness/statistics.js";
import { untilArrived } from "./harness/wait-until.js";
import { startWorkers, type Workers } from "./harness/workers.js";
import type { RunOptions } from "./run-options.js";

const sampleMs = 100;
/** A working heap needs some time until it has grown to its size. */
const workMs = 10_000;
const smallLoad = 2_000;

const method = `The highest resident memory of a relay's process, sampled every ${sampleMs} ms over ${workMs / 1_000} s of publishing: first
with loads of ${smallLoad.toLocaleString("en")} events, each of which is worked off before the next one comes, then with all of the backlog pending.`;

/** Measures what a backlog costs a relay in memory; `events` are pending. */
export async function benchMemory({ events }: RunOptions): Promise<BenchmarkReport> {
  return withEnvironment(async (environment) => {
    const name = `${events.toLocaleString("en")} pending`;
    const omniBox = await measure(environment, "omniBox", events);
    const handWritten = await measure(environment, "handWritten", events);
    const compare = (of: (memory: Memory) => number) => ({
      value: rounded(of(omniBox)),
      unit: "MiB",
      handWritten: rounded(of(handWritten)),
      ratio: rounded(of(omniBox) / of(handWritten)),
    });
    const more = (memory: Memory) => rounded(memory.backlogMib - memory.noneMib);
    return {
      name: "memory",
      method,
      cases: [
        { case: "nothing pending but small loads", ...compare(({ noneMib }) => noneMib) },
        { case: name, ...compare(({ backlogMib }) => backlogMib) },
        {
          case: "difference",
          value: more(omniBox),
          unit: "MiB",
          handWritten: more(handWritten),
          aim: { of: "value", atMost: 50 },
        },
      ],
    };
  });
}

interface Memory {
  readonly noneMib: number;
  readonly backlogMib: number;
}

async function measure(environment: Environment, way: "omniBox" | "handWritten", events: number): Promise<Memory> {
  const { pool } = environment;
  const lane = await environment.createLane();
  const small = await startWorkers(environment, { way, lane, isOrdered: true });
  const noneMib = await highest(small, async (isOver) => {
    for (let sent = smallLoad; !isOver(); sent += smallLoad) {
      await fillOutbox(pool, lane, { events: smallLoad, keys: 1_000 });
      small.nudge();
      await untilArrived(environment, lane, sent, small);
    }
  });
  await small.stop();
  await fillOutbox(pool, lane, { events, keys: 10_000 });
  const { messageCount } = await environment.channel.purgeQueue(lane).then(() => environment.channel.checkQueue(lane));
  const large = await startWorkers(environment, { way, lane, isOrdered: true });
  const backlogMib = await highest(large, async (isOver) => {
    while (!isOver()) await pause(sampleMs);
  });
  await large.stop();
  const after = await environment.channel.checkQueue(lane);
  if (after.messageCount <= messageCount) throw new Error(`${way} published nothing of its backlog`);
  return { noneMib, backlogMib };
}

/** The highest memory of a worker while it works. */
async function highest(workers: Workers, work: (isOver: () => boolean) => Promise<void>): Promise<number> {
  const endsAt = performance.now() + workMs;
  const isOver = () => performance.now() >= endsAt;
  let highestMib = 0;
  const sampling = (async () => {
    while (!isOver()) {
      highestMib = Math.max(highestMib, ...(await workers.memoryMib()));
      await pause(sampleMs);
    }
  })();
  await Promise.all([work(isOver), sampling]);
  return highestMib;
}
