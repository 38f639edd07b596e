import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTables, type Database, dropTables, openDatabase } from "../src/open-database.js";
import { databaseUrl } from "./chaos-scene.js";
import { startWorkerProcess } from "./worker-process.js";

let database: Database;
beforeAll(async () => {
  database = openDatabase(databaseUrl, `omni_box_chaos_${randomBytes(6).toString("hex")}`);
  await createTables(database);
  const { client, schema } = database;
  await client.$executeRawUnsafe(
    `CREATE TABLE "${schema}".machine (id integer PRIMARY KEY, state text NOT NULL, version integer NOT NULL DEFAULT 0)`,
  );
});
afterAll(() => dropTables(database));

test("a process that is killed after any statement of a transaction leaves all changes of states with their events, or neither", async () => {
  const { client, schema } = database;
  await client.machine.create({ data: { id: 1, state: "off" } });
  const left: number[] = [];
  for (let statements = 1, hasEnded = false; !hasEnded; statements += 1) {
    const before = await client.outboxEvent.count();
    const worker = startWorkerProcess("state-changer.js", [databaseUrl, schema, String(statements)]);
    await worker.ended;
    hasEnded = !worker.wasKilled;

    const machine = await client.machine.findUniqueOrThrow({ where: { id: 1 } });
    const events = await client.outboxEvent.findMany({ orderBy: { seq: "asc" } });
    expect(machine.version).toBe(events.length);
    left.push(events.length - before);
    const steps = events.map(({ payload }) => payload as { fromState: string; toState: string; version: number });
    expect(steps.map(({ version }) => version)).toEqual(steps.map((_step, index) => index + 1));
    expect(steps.map(({ fromState, toState }) => `${fromState} ${toState}`)).toEqual(
      steps.map((_step, index) => (index % 2 === 0 ? "off on" : "on off")),
    );
  }
  // Nothing before the commit, and both from then on.
  const committed = left.indexOf(2);
  expect(committed).toBeGreaterThanOrEqual(10);
  expect(left).toEqual(left.map((_count, index) => (index < committed ? 0 : 2)));
});
