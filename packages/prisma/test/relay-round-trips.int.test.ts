import { createOutboxRelay, leased, ownedBuckets } from "@omni-box/core";
import { createMemoryBroker } from "@omni-box/core/testing";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { createPrismaOutboxRepository } from "../src/create-prisma-outbox-repository.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { sampleEvent } from "./sample-event.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());
beforeEach(() => database.empty());

/** Relays events of many keys and returns the statements that it took, by their first words. */
async function statementsOf(fetch: ReturnType<typeof leased>, events: number) {
  const statements: string[] = [];
  let isCounting = false;
  const client = database.connect({
    connections: 5,
    logQueries: (sql) => {
      if (isCounting) statements.push(sql.replaceAll(/\s+/g, " ").trim());
    },
  });
  const repository = createPrismaOutboxRepository(client, { schema: database.schema });
  const drafts = Array.from({ length: events }, (_, index) => sampleEvent({ aggregateId: `order-${index}` }));
  await database.prisma.$transaction((tx) => repository.add(tx, drafts), { timeout: 20_000 });
  const broker = createMemoryBroker();
  broker.bind("all", "#");
  const relay = createOutboxRelay({ repository, publisher: broker.publisher(), fetch });
  isCounting = true;
  await relay.start();
  await broker.waitForMessages("all", events);
  await relay.drain();
  isCounting = false;
  await relay.stop();
  const count = (pattern: RegExp) => statements.filter((sql) => pattern.test(sql)).length;
  return { count, all: statements.length };
}

it("owned buckets take one statement to read a batch of 1,000 and one to record it, and a few to own them", async () => {
  const { count, all } = await statementsOf(ownedBuckets(), 5_000);
  expect(count(/^WITH .*DELETE FROM/)).toBeGreaterThanOrEqual(5);
  expect(count(/^WITH .*DELETE FROM/)).toBeLessThanOrEqual(8);
  expect(count(/WITH ORDINALITY AS position/)).toBeLessThanOrEqual(15);
  // Verification, ownership, failed heads, schedules, and the polls by which `drain` sees that nothing is left.
  expect(all).toBeLessThanOrEqual(50);
});

it("row leases take one statement to claim a batch of 1,000 and one to record it", async () => {
  const { count, all } = await statementsOf(leased(), 5_000);
  expect(count(/^WITH .*DELETE FROM/)).toBe(5);
  expect(count(/FOR UPDATE SKIP LOCKED/)).toBeLessThanOrEqual(9);
  expect(all).toBeLessThanOrEqual(25);
});
