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

test("a process that is killed after any statement of a transaction leaves the change of a state and its event, or neither", {
  timeout: 300_000,
}, async () => {
  const { client, schema } = database;
  await client.machine.create({ data: { id: 1, state: "off" } });
  const left: number[] = [];
  for (let statements = 1, hasEnded = false; !hasEnded; statements += 1) {
    const before = await client.machine.findUniqueOrThrow({ where: { id: 1 } });
    const target = before.state === "off" ? "on" : "off";
    const worker = startWorkerProcess("state-changer.js", [databaseUrl, schema, target, String(statements)]);
    await worker.ended;
    hasEnded = !worker.wasKilled;

    const machine = await client.machine.findUniqueOrThrow({ where: { id: 1 } });
    const events = await client.outboxEvent.findMany({ orderBy: { seq: "asc" } });
    left.push(machine.version - before.version);
    const told = events.map(({ payload }) => payload);
    expect(told).toEqual(
      Array.from({ length: machine.version }, (_, index) => ({
        aggregateType: "machine",
        aggregateId: "1",
        fromState: index % 2 === 0 ? "off" : "on",
        toState: index % 2 === 0 ? "on" : "off",
        version: index + 1,
      })),
    );
  }
  // The lock, two reads, the update, the confirmation of the table and the insert; then the commit.
  expect(left).toEqual([0, 0, 0, 0, 0, 0, 1, 1]);
});
