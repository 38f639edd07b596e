import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { deadLetterHeaders } from "@omni-box/core";
import { createPrismaOutboxAdministration } from "@omni-box/prisma";
import { test } from "vitest";
import { createSceneDeadLetters, letterLeaseMs } from "../src/dead-letter-scene.js";
import { type ChaosScene, databaseUrl, openScene } from "./chaos-scene.js";
import { storeFailedEvents } from "./failed-outbox.js";

/** Where the process is killed, and which passage of that point is its last. */
const kills: readonly (readonly [point: string, nth: number])[] = [
  ["before takeDeadLetters", 2],
  ["after takeDeadLetters", 1],
  ["before write", 3],
  ["after write", 3],
  ["after confirm", 1],
  ["after confirm", 4],
  ["before recordDeadLettered", 1],
  ["after recordDeadLettered", 1],
  ["after recordDeadLettered", 2],
  ["before recordDeadLetterFailed", 1],
  ["after recordDeadLetterFailed", 1],
];
/** Beyond what the rules say, for a machine that is busy. */
const allowanceMs = 30_000;
const batchSize = 5;

for (const [point, nth] of kills) {
  test.concurrent(`a dead-letter publisher that is killed ${point} no. ${nth} loses no letter`, async ({ expect }) => {
    const scene = await openScene();
    const administration = createPrismaOutboxAdministration(scene.database.client, { schema: scene.name });
    // In between, so that a batch has letters of both kinds.
    const early = await storeFailedEvents(scene.database, scene.name, 3);
    const [unroutable = ""] = await storeFailedEvents(scene.database, "nowhere", 1, "BROKER.UNROUTABLE: no queue");
    const late = await storeFailedEvents(scene.database, scene.name, 8);
    const arrivals = await scene.consume();
    const successor = createSceneDeadLetters({ administration, amqpUrl: scene.amqpUrl, exchange: scene.name });
    try {
      expect(await runDoomed(scene, point, nth)).toEqual({ signal: "SIGKILL", said: [`killed ${point}`] });

      // One of those that are not published yet is requeued: it has no dead letter any more.
      const requeued = late.at(-1) ?? "";
      await administration.requeue({ filter: { ids: [requeued] }, limit: 1 });
      const wanted = [...early, ...late.slice(0, -1)];

      await successor.start();
      const owed = async () => (await administration.statistics()).awaitingDeadLetter;
      await expect.poll(owed, { timeout: letterLeaseMs + allowanceMs, interval: 100 }).toBe(1);
      const letterOf = async (id: string) => (await administration.find(id))?.deadLetteredAt;
      for (const id of wanted) expect(await letterOf(id)).toBeInstanceOf(Date);
      expect(await letterOf(unroutable)).toBeNull();
      await expect
        .poll(async () => (await administration.find(unroutable))?.history.at(-1)?.what, { timeout: allowanceMs })
        .toBe("deadLetterFailed");
      expect(await administration.find(requeued)).toMatchObject({ event: { status: "pending" }, deadLetteredAt: null });

      await arrivals.atLeast(wanted.length);
      const events = arrivals.messages.map(({ properties }) => properties.headers?.[deadLetterHeaders.eventId]);
      for (const id of wanted) expect(events).toContain(id);
      // Whatever was on its way may have arrived twice, and is recognised by its message id.
      expect(arrivals.ids.length).toBeLessThanOrEqual(wanted.length + batchSize + 1);
      expect(new Set(arrivals.ids).size).toBe(new Set(events).size);
    } finally {
      await successor.stop();
      await arrivals.end();
      await scene.close();
    }
  }, 120_000);
}

/** Starts the process and resolves when it has ended. */
async function runDoomed({ name, amqpUrl }: ChaosScene, point: string, nth: number) {
  const file = fileURLToPath(new URL("../dist/doomed-dead-letters.js", import.meta.url));
  const args = [file, databaseUrl, name, amqpUrl, name, point, String(nth)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  // One that has not come to the point by then never will.
  const tooLate = setTimeout(() => child.kill("SIGTERM"), 60_000);
  await once(child, "close");
  clearTimeout(tooLate);
  return { signal: child.signalCode, said: output.split("\n").filter((line) => line.startsWith("killed ")) };
}
