import { afterEach, beforeEach, expect, test } from "vitest";
import { type InboxScene, messagesOf, onceEach, openInboxScene } from "./inbox-scene.js";

let scene: InboxScene;

beforeEach(async () => {
  scene = await openInboxScene();
});

afterEach(async () => {
  await scene.close();
});

const settled = { timeout: 30_000 };

test("a process that is killed after its handler's writes and before the commit leaves nothing behind, and the next one applies them once", async () => {
  const messages = messagesOf("before-commit", 30);
  const victim = await scene.startWorker("hold-before-commit");
  await scene.publish(messages);
  await victim.said("written");
  await victim.kill();
  expect(await scene.effects()).toEqual({});

  await scene.startWorker("normal");
  await expect.poll(() => scene.effects(), settled).toEqual(onceEach(messages));
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "completed", events: 30, attempts: 0 }]);
  await expect.poll(() => scene.ready(), settled).toBe(0);
});

test("a process that is killed after the commit and before the ack has applied its effects, and the next one does not repeat them", async () => {
  const messages = messagesOf("before-ack", 30);
  const victim = await scene.startWorker("hold-before-ack");
  await scene.publish(messages);
  await victim.said("committed");
  await victim.kill();
  const applied = Object.keys(await scene.effects());
  expect(applied.length).toBeGreaterThan(0);

  await scene.startWorker("normal");
  await expect.poll(() => scene.effects(), settled).toEqual(onceEach(messages));
  await expect.poll(() => scene.ready(), settled).toBe(0);
  expect(await scene.rows()).toEqual([{ status: "completed", events: 30, attempts: 0 }]);
  expect(await scene.effects()).toEqual(onceEach(messages));
});

test("processes that are killed again and again in the middle of their work apply every message once", async () => {
  const messages = messagesOf("again", 1_500);
  let worker = await scene.startWorker("normal");
  await scene.publish(messages);
  for (let round = 1; round <= 5; round += 1) {
    const target = Math.min(messages.length - 200, round * 180);
    await expect.poll(async () => Object.keys(await scene.effects()).length, settled).toBeGreaterThan(target);
    await worker.kill();
    worker = await scene.startWorker("normal");
  }
  await expect.poll(async () => Object.keys(await scene.effects()).length, settled).toBe(messages.length);
  expect(await scene.effects()).toEqual(onceEach(messages));
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "completed", events: 1_500, attempts: 0 }]);
  await expect.poll(() => scene.ready(), settled).toBe(0);
});

test("a process that is killed while its processor handles stored events leaves nothing behind, and the next one applies them once", async () => {
  const messages = messagesOf("stored", 40);
  const victim = await scene.startWorker("stored-hold-before-commit");
  await scene.publish(messages);
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "pending", events: 40, attempts: 0 }]);
  await victim.said("written");
  await victim.kill();
  expect(await scene.effects()).toEqual({});

  await scene.startWorker("stored");
  await expect.poll(() => scene.effects(), settled).toEqual(onceEach(messages));
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "completed", events: 40, attempts: 0 }]);
  expect(await scene.ready()).toBe(0);
});

test("processes that are killed again and again in the middle of stored events apply every one once", async () => {
  const messages = messagesOf("stored-again", 900);
  let worker = await scene.startWorker("stored");
  await scene.publish(messages);
  for (const target of [100, 300, 500]) {
    await expect.poll(async () => Object.keys(await scene.effects()).length, settled).toBeGreaterThan(target);
    await worker.kill();
    worker = await scene.startWorker("stored");
  }
  await expect.poll(() => scene.rows(), settled).toEqual([{ status: "completed", events: 900, attempts: 0 }]);
  expect(await scene.effects()).toEqual(onceEach(messages));
  await expect.poll(() => scene.ready(), settled).toBe(0);
});
