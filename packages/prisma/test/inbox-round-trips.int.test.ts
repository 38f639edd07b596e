import { randomUUID } from "node:crypto";
import { createPrismaInboxRepository } from "@omni-box/prisma";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { PrismaClient } from "./generated/client.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { deliveredAgain, pendingRow, refOfMessage, sampleMessage, sampleMessages } from "./sample-message.js";

/** Every statement but BEGIN, of which Prisma tells nobody. */
const statements: string[] = [];
let database: TestDatabase;
let client: PrismaClient;
beforeAll(async () => {
  database = await openTestDatabase();
  client = database.connect({ connections: 1, logQueries: (sql) => statements.push(sql) });
});
afterAll(() => database.close());
beforeEach(() => database.empty());

const repository = () => createPrismaInboxRepository(client, { schema: database.schema });

/** The first words of the statements that `work` sends. */
async function sentBy(work: () => Promise<unknown>): Promise<string[]> {
  statements.length = 0;
  await work();
  return statements.map(
    (sql) => /(INSERT INTO|UPDATE|SELECT|COMMIT)[^.]*(\.[\w"]+)?/.exec(sql)?.[0].replace(/["\s]+/g, " ") ?? sql,
  );
}

describe("the statements that the database sees", () => {
  it("of a message that is handled inline are BEGIN, the insert, the handler's own and COMMIT, and a look whether it is there that many share", async () => {
    const draft = sampleMessage();
    const store = repository();
    const handle = (given = draft) =>
      store.transaction(
        async (tx) => {
          const [answer] = await tx.insertCompleted([given], { behindPending: "insert" });
          if (answer?.kind !== "stored") return;
          await tx.client.testOrder.create({ data: { customer: randomUUID(), totalCents: 1 } });
        },
        { timeoutMs: 5_000 },
      );
    const [insert, write, commit, look, ...others] = await sentBy(() => handle());
    expect(insert).toMatch(/INSERT INTO .*inbox_event/);
    expect(write).toMatch(/INSERT INTO .*test_order/);
    expect(commit).toBe("COMMIT");
    expect(look).toMatch(/SELECT event/);
    expect(others).toEqual([]);
    // Of a duplicate it is the insert, the search for the row, the proof and COMMIT.
    expect(await sentBy(() => handle(deliveredAgain(draft)))).toHaveLength(4);
  });

  it("of a batch are as many, however large it is", async () => {
    const sent = await sentBy(() =>
      repository().transaction((tx) => tx.insertCompleted(sampleMessages(200), { behindPending: "leave" }), {
        timeoutMs: 5_000,
      }),
    );
    expect(sent).toHaveLength(3);
  });

  it("of store is one, and another one when there are duplicates", async () => {
    const rows = sampleMessages(200).map((draft) => pendingRow(draft));
    expect(await sentBy(() => repository().store(rows))).toHaveLength(1);
    expect(await sentBy(() => repository().store(rows))).toHaveLength(2);
    expect(await sentBy(() => repository().store([]))).toHaveLength(0);
  });

  it("of a stored event that is completed are BEGIN, the handler's own, the completion and COMMIT", async () => {
    const store = repository();
    await store.store([pendingRow(sampleMessage())]);
    const token = randomUUID();
    const claim = { token, workerId: "w", leaseMs: 60_000, limit: 1, filters: { consumerGroup: "shipping" } };
    const [event] = await store.claim(claim);
    if (event === undefined) throw new Error("nothing was claimed");
    const sent = await sentBy(() =>
      store.transaction(
        async (tx) => {
          await tx.client.testOrder.create({ data: { customer: randomUUID(), totalCents: 1 } });
          return tx.complete({ kind: "lease", token }, refOfMessage(event));
        },
        { timeoutMs: 5_000 },
      ),
    );
    expect(sent).toHaveLength(3);
    expect(sent[1]).toMatch(/UPDATE .*inbox_event/);
  });
});
