import { randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { type OutboxRelay, partitionBucket } from "@omni-box/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createSeededRandom, type SeededRandom } from "../../packages/conformance/src/schedule/seeded-random.js";
import { createOwnedRelay } from "../src/owned-relay.js";
import { type OrderedScene, openOrderedScene } from "./ordered-scene.js";
import { createRecordingLogger } from "./recording-logger.js";

/** In two buckets, so that an event is seldom alone in its own. */
const keys = Array.from({ length: 2_000 }, (_, index) => `key-${index}`).filter(
  (name) => partitionBucket(name, 64) < 2,
);

let scene: OrderedScene;
let relay: OutboxRelay | undefined;

beforeEach(async () => {
  scene = await openOrderedScene(keys);
  const place = { database: scene.database, amqpUrl: scene.amqpUrl, exchange: scene.name };
  relay = createOwnedRelay(place, { batchSize: 10, pollMinMs: 1, pollMaxMs: 5, logger: createRecordingLogger() });
  await relay.start();
});

afterEach(async () => {
  await relay?.stop();
  await scene.close();
});

/** One transaction after another, as long as it goes; some stay open for long, and all that share a key with those wait. */
async function writeEvents(random: SeededRandom, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    const written = Array.from({ length: 1 + random.below(3) }, () => random.oneOf(keys));
    const isLong = random.below(40) === 0;
    const openMs = isLong ? random.below(3_500) : random.oneOf([0, 0, random.below(20), random.below(200)]);
    const rollsBack = random.below(10) === 0;
    await scene.writer.write({ keys: written, rollsBack, until: openMs === 0 ? Promise.resolve() : pause(openMs) });
  }
}

test("an event that is committed late is published before the later ones of its key, however long it took and however soon they follow", async () => {
  const [late = "", other = ""] = keys;
  for (const openMs of [100, 2_500]) {
    const transaction = scene.writer.write({ keys: [late], until: pause(openMs) });
    // Waits for the late transaction, and commits right behind it.
    const followers = [1, 2, 3].map(() => pause(50).then(() => scene.writer.write({ keys: [late] })));
    for (let isOpen = true; isOpen; ) {
      await scene.writer.write({ keys: [other] });
      isOpen = await Promise.race([transaction.then(() => false), pause(10).then(() => true)]);
    }
    await Promise.all([transaction, ...followers]);
  }
  await scene.settled();
  expect(scene.expectOrder()).toBe(0);
});

test("events of transactions that stay open for a while or long, written by many at once, are published in order and once", async () => {
  const seed = Number(process.env.CHAOS_SEED ?? randomInt(2 ** 31));
  console.log(`CHAOS_SEED=${seed}`);
  let isOver = false;
  const writers = Array.from({ length: 8 }, (_, index) => writeEvents(createSeededRandom(seed + index), () => isOver));
  await pause(12_000);
  isOver = true;
  await Promise.all(writers);
  console.log(`${scene.writer.committed.length} events`);
  await scene.settled();
  expect(scene.expectOrder()).toBe(0);
}, 90_000);
