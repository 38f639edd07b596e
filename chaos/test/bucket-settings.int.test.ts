import type { OutboxRelay } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createOwnedRelay } from "../src/owned-relay.js";
import { type OrderedScene, openOrderedScene } from "./ordered-scene.js";
import { createRecordingLogger } from "./recording-logger.js";

let scene: OrderedScene;
let relays: OutboxRelay[];

beforeEach(async () => {
  scene = await openOrderedScene(20);
  relays = [];
});

afterEach(async () => {
  await Promise.all(relays.map((relay) => relay.stop()));
  await scene.close();
});

/** A relay in this process whose repository was created with another count of buckets. */
function createRelay(bucketCount = 64): OutboxRelay {
  const { client, schema } = scene.database;
  const repository = createPrismaOutboxRepository(client, { schema, onPublished: "keep", bucketCount });
  const place = { database: { ...scene.database, repository }, amqpUrl: scene.amqpUrl, exchange: scene.name };
  const relay = createOwnedRelay(place, { logger: createRecordingLogger() });
  relays.push(relay);
  return relay;
}

const record = (column: "bucket_count" | "hash_version", value: number) =>
  scene.database.client.$executeRawUnsafe(`UPDATE "${scene.name}".outbox_setting SET ${column} = $1::smallint`, value);

const refusal = (...parts: string[]) =>
  expect.objectContaining({
    code: "CONFIG.STORE_NOT_READY",
    message: expect.stringMatching(new RegExp(parts.join(".*"))),
  });

test("a relay with another count of buckets is refused beside one that runs, says both counts, and takes no bucket", async () => {
  const running = createRelay();
  await running.start();
  await expect.poll(() => scene.shares()).toEqual([64]);
  await expect(createRelay(32).start()).rejects.toEqual(
    refusal("records 64 buckets", "created with 32", "bucketCount 64"),
  );
  await scene.writer.write({ keys: scene.keys });
  await scene.settled();
  expect(await scene.shares()).toEqual([64]);
  expect(scene.expectOrder()).toBe(0);
});

test("a count of buckets that is changed while events are pending keeps relays from starting, until it is as it was", async () => {
  await scene.writer.write({ keys: [...scene.keys, ...scene.keys] });
  await record("bucket_count", 16);
  const relay = createRelay();
  await expect(relay.start()).rejects.toEqual(refusal("records 16 buckets", "created with 64"));
  expect([relay.state, await scene.shares(), scene.arrivals.ids]).toEqual(["stopped", [], []]);

  await record("bucket_count", 64);
  await relay.start();
  await scene.settled();
  expect(scene.expectOrder()).toBe(0);
});

test("a relay with the changed count is refused too while the buckets are those of the old one, and is told how many are too many", async () => {
  await scene.writer.write({ keys: scene.keys });
  await record("bucket_count", 16);
  await expect(createRelay(16).start()).rejects.toEqual(
    refusal("records 16 buckets", "0 are missing", "48 are too many"),
  );
  expect(scene.arrivals.ids).toEqual([]);
});

test("a relay with the changed count is refused while events are pending in buckets that are gone", async () => {
  await scene.writer.write({ keys: scene.keys });
  await record("bucket_count", 16);
  await scene.database.client.$executeRawUnsafe(`DELETE FROM "${scene.name}".outbox_bucket WHERE bucket >= 16`);
  await expect(createRelay(16).start()).rejects.toEqual(refusal("16 buckets", "pending"));
  expect(scene.arrivals.ids).toEqual([]);
});

test("a relay whose keys are hashed in another way is refused", async () => {
  await scene.writer.write({ keys: scene.keys });
  await record("hash_version", 2);
  await expect(createRelay().start()).rejects.toEqual(refusal("hash"));
  expect(scene.arrivals.ids).toEqual([]);
});
