import { connect } from "amqplib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type OwnedRelayTimes, shortTimes } from "../src/owned-relay.js";
import { sharedAmqpUrl } from "./chaos-scene.js";
import { type OrderedScene, openOrderedScene } from "./ordered-scene.js";

const eventCount = 600;
/** Three heartbeats are publish time-out and grace together. */
const withHeartbeat: OwnedRelayTimes = { ...shortTimes, heartbeatSeconds: 2, takeoverGraceMs: 5_300 };
/** The broker does not notice a paused relay within this test. */
const withoutHeartbeat: OwnedRelayTimes = { ...shortTimes, heartbeatSeconds: 60, takeoverGraceMs: 0 };

let scene: OrderedScene;

beforeEach(async () => {
  scene = await openOrderedScene(40);
});

afterEach(async () => {
  await scene.close();
});

async function write(count: number): Promise<void> {
  for (let first = 0; first < count; first += 100) {
    const keys = Array.from({ length: 100 }, (_, offset) => scene.keys[(first + offset) % scene.keys.length] ?? "");
    await scene.writer.write({ keys });
  }
}

/** Everything that the table says about the events. */
function rows(): Promise<unknown[]> {
  const { client, schema } = scene.database;
  return client.$queryRawUnsafe(`SELECT event::text AS event FROM "${schema}".outbox_event AS event ORDER BY seq`);
}

/** Whether the broker still knows the exclusive queue of the process, and with it the process's connection. */
async function isConnected(queue: string): Promise<boolean> {
  const connection = await connect(sharedAmqpUrl);
  const channel = await connection.createChannel();
  // The refusal also closes the channel.
  channel.on("error", () => undefined);
  const refusal: unknown = await channel.checkQueue(queue).then(
    () => null,
    (error: unknown) => error,
  );
  await connection.close();
  // 405: another connection's own. 404: gone.
  return String(refusal).includes("405");
}

test("a relay that wakes after its lease and its connection are gone changes no row and publishes nothing of what it held", async () => {
  await write(eventCount);
  const sleeper = await scene.startWorker("hold", withHeartbeat);
  await sleeper.said("holding");
  await scene.arrivals.atLeast(1);
  sleeper.pause();
  const successor = await scene.startWorker("normal", withHeartbeat);
  await scene.settled();
  await expect.poll(() => isConnected(`${scene.name}.${sleeper.pid}`), { timeout: 20_000 }).toBe(false);
  const before = await rows();
  const arrived = scene.arrivals.ids.length;

  sleeper.resume();
  sleeper.signal("SIGUSR2");
  await sleeper.said("going on");
  // It has registered again, and so has been told that it lost its buckets.
  await expect.poll(() => scene.shares(), { timeout: 20_000 }).toEqual([32, 32]);
  expect(await rows()).toEqual(before);
  expect(scene.arrivals.ids.length).toBe(arrived);

  // Both work on, and what the sleeper publishes now comes after all that it held.
  await write(100);
  await scene.settled();
  await Promise.all([sleeper.stop(), successor.stop()]);
  expect(scene.arrivals.ids.length).toBe(arrived + 100);
  expect((await rows()).slice(0, eventCount)).toEqual(before);
  scene.expectOrder();
}, 120_000);

test("a relay that wakes while the broker still takes it for alive repeats at most what others have published, and changes no row", async () => {
  await write(eventCount);
  const sleeper = await scene.startWorker("normal", withoutHeartbeat);
  await scene.arrivals.atLeast(70);
  sleeper.pause();
  const successor = await scene.startWorker("normal", withoutHeartbeat);
  await scene.settled();
  const before = await rows();

  sleeper.resume();
  await expect.poll(() => scene.shares(), { timeout: 20_000 }).toEqual([32, 32]);
  expect(await rows()).toEqual(before);
  await Promise.all([sleeper.stop(), successor.stop()]);
  const repeated = scene.expectOrder();
  console.log(`${repeated} of ${eventCount} events were repeated`);
  expect(await rows()).toEqual(before);
}, 120_000);
