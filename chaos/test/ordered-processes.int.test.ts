import { randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSeededRandom, type SeededRandom } from "../../packages/conformance/src/schedule/seeded-random.js";
import { shortTimes } from "../src/owned-relay.js";
import { type OrderedScene, openOrderedScene } from "./ordered-scene.js";
import type { WorkerProcess } from "./worker-process.js";

const relayCount = 4;
const writerCount = 3;
/** Lease and grace of `shortTimes`, and some more: by then another relay has what a paused one had. */
const pastLeaseMs = shortTimes.leaseMs + shortTimes.takeoverGraceMs + 1_000;

let scene: OrderedScene;

beforeEach(async () => {
  scene = await openOrderedScene(150);
});

afterEach(async () => {
  await scene.close();
});

/** Writes until it is told to stop: several keys at once, some rolled back, some committed after later ones of other keys. */
async function writeEvents(random: SeededRandom, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const keys = Array.from({ length: 1 + random.below(6) }, () => random.oneOf(scene.keys));
    const isLate = random.below(12) === 0;
    await scene.writer.write({
      keys,
      rollsBack: random.below(8) === 0,
      ...(isLate && { until: pause(random.below(400)) }),
    });
    await pause(random.below(30));
  }
}

interface Relay {
  worker: WorkerProcess;
  /** Resolves when a process that was paused past its lease goes on. */
  resumed: Promise<void>;
}

/** What may happen to a relay process. */
const faults = {
  async kill(relay: Relay) {
    await relay.worker.kill();
    relay.worker = await scene.startWorker();
  },
  async stop(relay: Relay) {
    relay.worker.resume();
    await relay.worker.stop();
    relay.worker = await scene.startWorker();
  },
  async pausePastLease(relay: Relay) {
    const { worker } = relay;
    worker.pause();
    relay.resumed = pause(pastLeaseMs).then(() => worker.resume());
  },
  async pauseBriefly({ worker }: Relay) {
    worker.pause();
    await pause(300);
    worker.resume();
  },
};

/** Each fault, often enough, in an order that the seed decides. */
function drawFaults(random: SeededRandom): (keyof typeof faults)[] {
  const left: (keyof typeof faults)[] = [
    ...(["kill", "kill", "kill", "pausePastLease", "pausePastLease", "pausePastLease"] as const),
    ...(["stop", "stop", "pauseBriefly", "pauseBriefly"] as const),
  ];
  const drawn: (keyof typeof faults)[] = [];
  while (left.length > 0) drawn.push(...left.splice(random.below(left.length), 1));
  return drawn;
}

test("four relay processes that are killed, paused past their leases, stopped and restarted lose nothing and publish each key in order", async () => {
  const seed = Number(process.env.CHAOS_SEED ?? randomInt(2 ** 31));
  const random = createSeededRandom(seed);
  console.log(`CHAOS_SEED=${seed}`);
  let isOver = false;
  const writers = Array.from({ length: writerCount }, (_, index) =>
    writeEvents(createSeededRandom(seed + index + 1), () => isOver),
  );
  const relays: Relay[] = await Promise.all(
    Array.from({ length: relayCount }, async () => ({
      worker: await scene.startWorker(),
      resumed: Promise.resolve(),
    })),
  );

  const played: string[] = [];
  for (const name of drawFaults(random)) {
    // A backlog, so that the fault finds the relay in the middle of its batches, at another place each time.
    await scene.writer.write({ keys: Array.from({ length: 400 }, () => random.oneOf(scene.keys)) });
    await scene.arrivals.atLeast(scene.arrivals.ids.length + 1 + random.below(100));
    const index = random.below(relays.length);
    played.push(`${name} ${index}`);
    const relay = relays[index];
    if (relay !== undefined) await faults[name](relay);
    await pause(random.below(1_500));
  }
  await Promise.all(relays.map(({ resumed }) => resumed));
  isOver = true;
  await Promise.all(writers);

  console.log(`${scene.writer.committed.length} events; ${played.join(", ")}`);
  await scene.settled();
  scene.expectOrder();
  await expect.poll(() => scene.shares(), { timeout: 30_000 }).toEqual([16, 16, 16, 16]);
  const statuses = await scene.database.client.outboxEvent.groupBy({ by: ["status"], _sum: { attemptsMade: true } });
  expect(statuses).toEqual([{ status: "completed", _sum: { attemptsMade: 0 } }]);
  const repeated = scene.expectOrder();
  console.log(`${repeated} repetitions`);
}, 180_000);
