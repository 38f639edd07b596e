import { setTimeout as pause } from "node:timers/promises";
import type { OutboxRelay, OutboxRelayOptions } from "@omni-box/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSeededRandom } from "../../packages/conformance/src/schedule/seeded-random.js";
import { type Database, openDatabase } from "../src/open-database.js";
import { createOwnedRelay } from "../src/owned-relay.js";
import { databaseUrl } from "./chaos-scene.js";
import { createJumpingClock } from "./jumping-clock.js";
import { type OrderedScene, openOrderedScene } from "./ordered-scene.js";
import { createRecordingLogger } from "./recording-logger.js";

let scene: OrderedScene;
let relays: { relay: OutboxRelay; database: Database }[];

beforeEach(async () => {
  scene = await openOrderedScene(60);
  relays = [];
});

afterEach(async () => {
  await Promise.all(relays.map(({ relay }) => relay.stop()));
  await Promise.all(relays.map(({ database }) => database.client.$disconnect()));
  await scene.close();
});

/** A relay in this process with connections of its own. */
function createRelay(options: Partial<OutboxRelayOptions> = {}): OutboxRelay {
  const database = openDatabase(databaseUrl, scene.name, { maxConnections: 4 });
  const place = { database, amqpUrl: scene.amqpUrl, exchange: scene.name };
  const relay = createOwnedRelay(place, { logger: createRecordingLogger(), ...options });
  relays.push({ relay, database });
  return relay;
}

/** Writes each key a few times, in transactions of some keys each. */
async function writeAll(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (let first = 0; first < scene.keys.length; first += 10) {
      await scene.writer.write({ keys: scene.keys.slice(first, first + 10) });
    }
  }
}

test("relays whose wall clocks jump to and fro, past their leases and back, publish everything in order and spend no attempt", async () => {
  const random = createSeededRandom(20_261_122);
  const clocks = [createJumpingClock(), createJumpingClock()];
  for (const clock of clocks) await createRelay({ clock }).start();
  const writing = writeAll(15);
  for (let jump = 0; jump < 60; jump += 1) {
    random.oneOf(clocks).setAhead(random.oneOf([0, 500, 1_500, 10_000, 3_600_000, -500, -5_000, -3_600_000]));
    await pause(random.below(100));
  }
  await writing;
  await scene.settled();
  await expect.poll(() => scene.shares(), { timeout: 20_000 }).toEqual([32, 32]);
  scene.expectOrder();
  const { _sum } = await scene.database.client.outboxEvent.aggregate({ _sum: { attemptsMade: true } });
  expect(_sum.attemptsMade).toBe(0);
});

test("a relay whose wall clock stays an hour ahead, or behind, works like any other", async () => {
  const [ahead, behind] = [createJumpingClock(), createJumpingClock()];
  ahead.setAhead(3_600_000);
  behind.setAhead(-3_600_000);
  await createRelay({ clock: ahead }).start();
  await createRelay({ clock: behind }).start();
  await expect.poll(() => scene.shares(), { timeout: 20_000 }).toEqual([32, 32]);
  await writeAll(3);
  await scene.settled();
  expect(scene.expectOrder()).toBe(0);
});

test("two relays with the same worker id own their buckets apart from each other, and one that stops leaves the other its own", async () => {
  const first = createRelay({ workerId: "twin" });
  const second = createRelay({ workerId: "twin" });
  await first.start();
  await second.start();
  await expect.poll(() => scene.shares(), { timeout: 20_000 }).toEqual([32, 32]);
  await writeAll(3);
  await scene.settled();
  await first.stop();
  await expect.poll(() => scene.shares(), { timeout: 20_000 }).toEqual([64]);
  await writeAll(3);
  await scene.settled();
  expect(scene.expectOrder()).toBe(0);
});

test("a relay that stops gives its buckets up at once, and one that starts takes its share without waiting for a lease", async () => {
  const leaseMs = 30_000;
  const times = { leaseMs, takeoverGraceMs: 5_000, publishTimeoutMs: 1_000, heartbeatSeconds: 2 };
  const place = { amqpUrl: scene.amqpUrl, exchange: scene.name, times };
  const open = () => {
    const database = openDatabase(databaseUrl, scene.name, { maxConnections: 4 });
    const relay = createOwnedRelay({ ...place, database }, { logger: createRecordingLogger() });
    relays.push({ relay, database });
    return relay;
  };
  const [first, second] = [open(), open()];
  const startedAt = performance.now();
  await first.start();
  await writeAll(1);
  await first.stop();
  await writeAll(1);
  await second.start();
  await scene.settled();
  expect(performance.now() - startedAt).toBeLessThan(leaseMs / 2);
  expect(scene.expectOrder()).toBe(0);
});
