import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { commitEvents } from "../src/open-database.js";
import { tallyEvents } from "./attempts.js";
import { type ChaosScene, databaseUrl, openScene } from "./chaos-scene.js";

const workerFile = fileURLToPath(new URL("../dist/relay-worker.js", import.meta.url));
const eventCount = 2_000;
const kills = 6;

let scene: ChaosScene;
let worker: ChildProcess | undefined;

beforeEach(async () => {
  scene = await openScene();
});

afterEach(async () => {
  if (worker !== undefined) await kill(worker);
  await scene.close();
});

async function startWorker(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [workerFile, databaseUrl, scene.name, scene.amqpUrl, scene.name], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

test("a relay that is killed again and again in the middle of its batches loses no committed event and spends no attempt", async () => {
  const arrivals = await scene.consume();
  const committed = await commitEvents(scene.database, scene.name, eventCount);
  let killedInTheMiddle = 0;
  for (let round = 1; round <= kills; round += 1) {
    worker = await startWorker();
    // Somewhere in a batch of 50, at another place each time.
    await arrivals.atLeast(arrivals.ids.length + 60 + round * 17);
    await kill(worker);
    const leased = await scene.database.client.outboxEvent.count({ where: { leaseToken: { not: null } } });
    if (leased > 0) killedInTheMiddle += 1;
  }
  expect(killedInTheMiddle).toBeGreaterThan(0);

  worker = await startWorker();
  await arrivals.allOf(committed);
  const repeated = arrivals.ids.length - new Set(arrivals.ids).size;
  console.log(
    `${kills} kills, ${killedInTheMiddle} of them with leases held; ${repeated} of ${eventCount} events arrived twice`,
  );
  await expect
    .poll(() => tallyEvents(scene.database), { timeout: 10_000 })
    .toEqual([{ status: "completed", events: eventCount, attempts: 0 }]);
  expect(new Set(arrivals.ids)).toEqual(new Set(committed));
  await arrivals.end();
});
