import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type InboxScene, messagesOf, onceEach, openInboxScene } from "./inbox-scene.js";

let scene: InboxScene;

beforeEach(async () => {
  scene = await openInboxScene();
});

afterEach(async () => {
  await scene.close();
});

/** Starts the next process whenever one has been killed, until the work is done; returns how many were killed. */
async function keepAlive(isDone: () => Promise<boolean>): Promise<number> {
  let deaths = 0;
  let worker = await scene.startWorker("poison");
  while (!(await isDone())) {
    // The database gives no sign of what is committed, so it is asked ten times a second.
    await Promise.race([worker.ended, pause(100)]);
    if (!worker.hasEnded) continue;
    deaths += 1;
    worker = await scene.startWorker("poison");
  }
  return deaths;
}

/** One of them throws at first, so that its retry meets the deaths. */
const innocents = messagesOf("innocent", 40).map((message, index) => ({ ...message, fails: index === 5 ? 1 : 0 }));

test("a message that kills its process three times is handled in the end, alone, and its neighbours once each", async () => {
  const poison = { id: "poison", kills: 3 };
  const everything = [...innocents.slice(0, 20), poison, ...innocents.slice(20)];
  const running = await scene.startWorker("normal");
  await running.kill();
  await scene.publish(everything);
  const deaths = await keepAlive(async () => Object.keys(await scene.effects()).length === everything.length);
  expect(deaths).toBe(3);
  expect(await scene.effects()).toEqual(onceEach(everything));
  await expect
    .poll(() => scene.rows(), { timeout: 10_000 })
    .toEqual([{ status: "completed", events: everything.length, attempts: 1 }]);
});

test("a message that kills every process fails after three lone starts, is kept with its reason, and stops nobody", async () => {
  const poison = { id: "poison", kills: 1_000 };
  const everything = [...innocents.slice(0, 20), poison, ...innocents.slice(20)];
  const running = await scene.startWorker("normal");
  await running.kill();
  await scene.publish(everything);
  const failed = () =>
    scene.database.client.inboxEvent.findMany({
      where: { status: "failed" },
      select: { messageId: true, lastError: true },
    });
  const deaths = await keepAlive(async () => {
    const applied = Object.keys(await scene.effects()).length;
    return applied === innocents.length && (await failed()).length === 1;
  });
  // Three deliveries until it is a suspect, three lone starts, and now and then one that is taken over in between.
  expect(deaths).toBeGreaterThanOrEqual(4);
  expect(deaths).toBeLessThanOrEqual(10);
  expect(await failed()).toEqual([{ messageId: "poison", lastError: expect.stringContaining("INBOX.CRASHED") }]);
  expect(await scene.effects()).toEqual(onceEach(innocents));
  await expect.poll(() => scene.ready(), { timeout: 10_000 }).toBe(0);
});
