import { afterEach, beforeEach, expect, test } from "vitest";
import { killPoints } from "../src/kill-points.js";
import { type InboxScene, messagesOf, onceEach, openInboxScene } from "./inbox-scene.js";

let scene: InboxScene;

beforeEach(async () => {
  scene = await openInboxScene();
});

afterEach(async () => {
  await scene.close();
});

const settled = { timeout: 30_000 };
const succeeding = [
  ...messagesOf("plain", 6),
  ...messagesOf("retried", 6).map((message) => ({ ...message, fails: 1 })),
  ...messagesOf("retried-twice", 3).map((message) => ({ ...message, fails: 2 })),
];
/** Fails for good when it is retried. */
const hopeless = { id: "hopeless", fails: 1, isHopeless: true };
/** Larger than the worker takes: stored without its body, and dead-lettered. */
const oversized = { id: "oversized", padding: 20_000 };

/** Makes the queue, and lets a first process be killed at the point. */
async function killAtPoint(point: string): Promise<void> {
  const first = await scene.startWorker("normal");
  await first.kill();
  await scene.publish([...succeeding, hopeless, oversized]);
  if (point === "after recordStarted") {
    // Only suspects are counted: what another process had leased when it died.
    const before = await scene.startWorker("kill after claim");
    await before.ended;
  }
  const victim = await scene.startWorker(`kill ${point}`);
  await victim.ended;
}

for (const point of killPoints) {
  test(`a process that is killed ${point} loses nothing and repeats nothing: the next one completes it all`, async () => {
    await killAtPoint(point);
    await scene.startWorker("normal");

    await expect.poll(() => scene.effects(), settled).toEqual(onceEach(succeeding));
    const byStatus = async () => (await scene.rows()).map(({ status, events }) => ({ status, events }));
    await expect.poll(byStatus, settled).toEqual([
      { status: "completed", events: succeeding.length },
      { status: "failed", events: 2 },
    ]);
    await expect.poll(() => scene.ready(), settled).toBe(0);
    await expect.poll(() => scene.ready(`${scene.name}.dead`), settled).toBe(1);
    expect(await scene.effects()).toEqual(onceEach(succeeding));
  });
}
