import { createOutboxRelay, leased } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { createRabbitMqPublisher } from "@omni-box/rabbitmq";
import { connect } from "amqplib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { commitEvents, type Database, openDatabase } from "../src/open-database.js";
import { tallyEvents } from "./attempts.js";
import { type ChaosScene, databaseUrl, openScene } from "./chaos-scene.js";
import { createRecordingLogger } from "./recording-logger.js";

const eventCount = 100;

let scene: ChaosScene;
let operator: Database;

beforeEach(async () => {
  scene = await openScene();
  operator = openDatabase(databaseUrl, scene.name);
});

afterEach(async () => {
  await operator.client.$disconnect();
  await scene.close();
});

test("a relay whose outcomes wait for a locked row until their leases have run out publishes nothing twice", async () => {
  const { client, schema } = scene.database;
  const committed = await commitEvents(scene.database, scene.name, eventCount);
  const arrivals = await scene.consume();
  let lock: RowLock | undefined;
  await using relay = createOutboxRelay({
    repository: createPrismaOutboxRepository(client, { schema, onPublished: "keep", statementTimeoutMs: 2_000 }),
    publisher: createRabbitMqPublisher({ connect: () => connect(scene.amqpUrl), exchange: scene.name }),
    fetch: leased({ leaseMs: 3_000 }),
    publishTimeoutMs: 1_500,
    steps: [
      async (event, _context, next) => {
        // Between the claim and the outcome of its batch; the outcome waits for all events.
        if (event.id === committed[0] && lock === undefined) lock = await lockRow(operator, event.seq);
        return next();
      },
    ],
    logger: createRecordingLogger(),
  });
  await relay.start();
  await arrivals.atLeast(eventCount);
  // It claims its own rows again, all but the locked one, while their outcome is still on its way.
  await expect.poll(() => relay.metrics().claimed, { timeout: 20_000 }).toBeGreaterThan(eventCount);
  await lock?.release();

  await expect
    .poll(() => tallyEvents(scene.database), { timeout: 30_000 })
    .toEqual([{ status: "completed", events: eventCount, attempts: 0 }]);
  expect([...arrivals.ids].sort()).toEqual([...committed].sort());
  await arrivals.end();
});

/** A row that a transaction holds. */
interface RowLock {
  release(): Promise<void>;
}

function lockRow({ client, schema }: Database, seq: bigint): Promise<RowLock> {
  return new Promise((resolve, reject) => {
    const transaction = client.$transaction(
      async (tx) => {
        await tx.$executeRawUnsafe(`SELECT seq FROM "${schema}".outbox_event WHERE seq = $1 FOR UPDATE`, seq);
        await new Promise<void>((release) => {
          resolve({
            async release() {
              release();
              await transaction;
            },
          });
        });
      },
      { timeout: 60_000 },
    );
    transaction.catch(reject);
  });
}
