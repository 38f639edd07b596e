import { createPrismaInboxAdministration, createPrismaInboxRepository } from "@omni-box/prisma";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { pendingRow, sampleMessage } from "./sample-message.js";

let database: TestDatabase;
beforeAll(async () => {
  database = await openTestDatabase();
});
afterAll(() => database.close());

it("the longest wait is that of any consumer group, also when others have more events than are counted", async () => {
  const { prisma, schema } = database;
  const inbox = createPrismaInboxRepository(prisma, { schema });
  const store = (consumerGroup: string) => inbox.store([pendingRow(sampleMessage({ consumerGroup }))]);
  await store("shipping");
  await database.advanceTime(3_600_000);
  for (let event = 0; event < 3; event += 1) await store("billing");
  const administration = createPrismaInboxAdministration(prisma, { schema });
  const waitOf = async (consumerGroup?: string) =>
    (await administration.statistics({ countLimit: 2, ...(consumerGroup !== undefined && { consumerGroup }) }))
      .oldestPendingMs;
  expect(await waitOf()).toBeGreaterThanOrEqual(3_600_000);
  expect(await waitOf("shipping")).toBeGreaterThanOrEqual(3_600_000);
  expect(await waitOf("billing")).toBeLessThan(3_600_000);
  expect(await waitOf("unknown")).toBeNull();
});
