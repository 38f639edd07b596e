import { type EventAdministration, type OutboxEvent, type OutboxRelay, outcome, type Step } from "@omni-box/core";
import { createPrismaOutboxAdministration } from "@omni-box/prisma";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSeededRandom } from "../../packages/conformance/src/schedule/seeded-random.js";
import { type Database, openDatabase } from "../src/open-database.js";
import { createOwnedRelay } from "../src/owned-relay.js";
import { databaseUrl } from "./chaos-scene.js";
import { type OrderedScene, openOrderedScene } from "./ordered-scene.js";
import { createRecordingLogger } from "./recording-logger.js";

let scene: OrderedScene;
let administration: EventAdministration<OutboxEvent>;
let relays: { relay: OutboxRelay; database: Database }[];

beforeEach(async () => {
  scene = await openOrderedScene(20);
  administration = createPrismaOutboxAdministration(scene.database.client, { schema: scene.name });
  relays = [];
});

afterEach(async () => {
  await Promise.all(relays.map(({ relay }) => relay.stop()));
  await Promise.all(relays.map(({ database }) => database.client.$disconnect()));
  await scene.close();
});

/** Starts a relay in this process with connections of its own. */
async function startRelay(step: Step<OutboxEvent>): Promise<OutboxRelay> {
  const database = openDatabase(databaseUrl, scene.name, { maxConnections: 4 });
  const place = { database, amqpUrl: scene.amqpUrl, exchange: scene.name };
  const relay = createOwnedRelay(place, {
    steps: [step],
    batchSize: 20,
    pollMaxMs: 20,
    logger: createRecordingLogger(),
  });
  relays.push({ relay, database });
  await relay.start();
  return relay;
}

/** Writes each key a few times, in transactions of some keys each. */
async function writeAll(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (let first = 0; first < scene.keys.length; first += 5) {
      await scene.writer.write({ keys: scene.keys.slice(first, first + 5) });
    }
  }
}

/** Requeues whatever has failed, again and again, until all that was committed has arrived. */
async function requeueUntil(settled: Promise<void>): Promise<number> {
  let isOver = false;
  const over = settled.finally(() => {
    isOver = true;
  });
  let requeued = 0;
  while (!isOver) {
    const reports = await Promise.all(
      [0, 1].map(() => administration.requeue({ filter: { statuses: ["failed"] }, limit: 3, reason: "again" })),
    );
    requeued += reports.reduce((sum, { changed }) => sum + changed.length, 0);
  }
  await over;
  return requeued;
}

test("keys whose events fail, and are requeued by two people while relays come and go, arrive in order", async () => {
  const random = createSeededRandom(17);
  const unreliable: Step<OutboxEvent> = async (event, _context, next) =>
    random.below(5) === 0 ? outcome.failed(new Error(`no luck with ${event.seq}`)) : next();
  const [first] = [await startRelay(unreliable), await startRelay(unreliable)];
  const writing = writeAll(10);
  const settled = writing.then(async () => {
    // A take-over in the midst of it.
    await first.stop();
    await startRelay(unreliable);
    await scene.settled();
  });
  expect(await requeueUntil(settled)).toBeGreaterThan(20);
  expect((await administration.statistics()).failed).toBe(0);
  expect(scene.expectOrder()).toBe(0);
}, 120_000);

test("keys whose events fail, and are requeued by two people while relay processes are killed, arrive in order, and none is stuck", async () => {
  const workers = [await scene.startWorker("unreliable"), await scene.startWorker("unreliable")];
  const killing = async (): Promise<void> => {
    for (let kill = 0; kill < 4; kill += 1) {
      const before = scene.arrivals.ids.length;
      await writeAll(3);
      // In the midst of what was written, at another place each time. The other one takes the buckets over, uncleanly.
      await scene.arrivals.atLeast(before + 1 + 7 * kill);
      await workers[kill % 2]?.kill();
      workers[kill % 2] = await scene.startWorker("unreliable");
    }
    await scene.settled();
  };
  expect(await requeueUntil(killing())).toBeGreaterThan(20);
  scene.expectOrder();
  // What had arrived before a kill may have failed after it.
  const left = async () => {
    await administration.requeue({ filter: { statuses: ["failed"] }, limit: 1_000, reason: "again" });
    const { pending, failed } = await administration.statistics();
    return pending + failed;
  };
  await expect.poll(left, { timeout: 30_000, interval: 100 }).toBe(0);
  scene.expectOrder();
}, 180_000);

test("behind a skipped or a purged event its key goes on, and what is published is in order", async () => {
  const [key = ""] = scene.keys;
  await scene.writer.write({ keys: [key, key, key, key] });
  const [skipped, purged, requeued] = scene.writer.committed;
  if (!skipped || !purged || !requeued) throw new Error("four events were committed");
  const refused = new Set([skipped.id, purged.id, requeued.id]);
  const relay = await startRelay(async (event, _context, next) =>
    refused.has(event.id) ? outcome.failed(new Error("refused")) : next(),
  );
  const headIs = async (id: string) => {
    const heads = async () => (await administration.blockedKeys({ limit: 10 })).map(({ head }) => head.id);
    await expect.poll(heads, { timeout: 20_000, interval: 20 }).toEqual([id]);
  };
  await headIs(skipped.id);
  await expect.poll(() => relay.health().blockedKeys, { timeout: 20_000 }).toBe(1);
  await administration.skip({ filter: { ids: [skipped.id] }, limit: 1, reason: "not wanted" });
  await headIs(purged.id);
  await administration.purge({ filter: { ids: [purged.id] }, limit: 1 });
  await headIs(requeued.id);
  expect(scene.arrivals.ids).toEqual([]);
  refused.clear();
  await administration.requeue({ filter: { partitionKeys: [key] }, limit: 10 });
  const published = scene.writer.committed.slice(2);
  await scene.arrivals.allOf(published.map(({ id }) => id));
  expect(scene.expectOrder(published)).toBe(0);
  await expect.poll(() => relay.health().blockedKeys, { timeout: 20_000 }).toBe(0);
});
