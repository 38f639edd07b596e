import { setTimeout as pause } from "node:timers/promises";
import { type OutboxEvent, type OutboxRelay, outcome, partitionBucket, type Step } from "@omni-box/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createOwnedRelay } from "../src/owned-relay.js";
import { type OrderedScene, openOrderedScene } from "./ordered-scene.js";
import { createRecordingLogger } from "./recording-logger.js";

/** In one bucket, so that they are read in the order in which they are written. */
const [key = "", ...neighbours] = Array.from({ length: 2_000 }, (_, index) => `key-${index}`).filter(
  (name) => partitionBucket(name, 64) === 0,
);
const [slow = "", quick = ""] = neighbours;

let scene: OrderedScene;
let relay: OutboxRelay | undefined;

beforeEach(async () => {
  scene = await openOrderedScene([key, slow, quick]);
});

afterEach(async () => {
  await relay?.stop();
  await scene.close();
});

/** A promise that somebody else resolves. */
function createSignal(): { readonly given: Promise<void>; give(): void } {
  let give: () => void = () => undefined;
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
}

/** Starts a relay that reads two events at a time. */
async function startRelay(step: Step<OutboxEvent>): Promise<void> {
  const place = { database: scene.database, amqpUrl: scene.amqpUrl, exchange: scene.name };
  relay = createOwnedRelay(place, {
    steps: [step],
    batchSize: 2,
    batchesInFlight: 3,
    pollMaxMs: 20,
    logger: createRecordingLogger(),
  });
  await relay.start();
}

test("an event that was not published holds the later ones of its key back while it waits for the rest of its batch", async () => {
  await scene.writer.write({ keys: [key, slow, key, key] });
  const [first] = scene.writer.committed;
  const goOn = createSignal();
  let isFirstTry = true;
  await startRelay(async (event, _context, next) => {
    if (event.partitionKey === slow) await goOn.given;
    if (event.id !== first?.id || !isFirstTry) return next();
    isFirstTry = false;
    return outcome.release("not yet");
  });
  // Long enough for many polls, in which nothing of the key may be published.
  await pause(400);
  expect(scene.arrivals.deliveries.filter(({ partitionKey }) => partitionKey === key)).toEqual([]);
  goOn.give();
  await scene.settled();
  expect(scene.expectOrder()).toBe(0);
});

test("a key goes on only when none of its events is left in a batch that has turned it away", async () => {
  await scene.writer.write({ keys: [key, quick, key, slow, key] });
  const [first] = scene.writer.committed;
  const secondBatch = createSignal();
  const goOn = createSignal();
  let isFirstTry = true;
  await startRelay(async (event, _context, next) => {
    if (event.partitionKey === slow) {
      secondBatch.give();
      await goOn.given;
    }
    if (event.id !== first?.id || !isFirstTry) return next();
    isFirstTry = false;
    // By now the next event of the key waits for its turn, in a batch that another event keeps open.
    await secondBatch.given;
    return outcome.release("not yet");
  });
  await secondBatch.given;
  // As above.
  await pause(400);
  goOn.give();
  await scene.settled();
  expect(scene.expectOrder()).toBe(0);
});
