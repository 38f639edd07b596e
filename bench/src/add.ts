import { createOutbox, createOutboxEvent } from "@omni-box/core";
import { createPrismaOutboxRepository, type PrismaTransactionLike } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { insertEvents } from "../hand-written/insert-events.js";
import type { BenchmarkCase, BenchmarkReport } from "./benchmark-report.js";
import { PrismaClient } from "./generated/client.js";
import { alternate, compared, ratio } from "./harness/alternate.js";
import { type Environment, withEnvironment } from "./harness/environment.js";
import { databaseUrl } from "./harness/services.js";
import { rounded } from "./harness/statistics.js";
import type { RunOptions } from "./run-options.js";

/** How many events each transaction adds, and over how many connections. */
interface AddCase {
  readonly name: string;
  readonly eventsEach: number;
  readonly connections: number;
  readonly atMost?: number;
}

const addCases: readonly AddCase[] = [
  { name: "1 event, 1 connection", eventsEach: 1, connections: 1, atMost: 1.2 },
  { name: "1 event, 8 connections", eventsEach: 1, connections: 8, atMost: 1.2 },
  { name: "100 events, 1 connection", eventsEach: 100, connections: 1, atMost: 2 },
  { name: "1,000 events, 1 connection", eventsEach: 1_000, connections: 1 },
];

const withoutEvents = "without events";
const method = `An interactive Prisma transaction that inserts one row of the service's own, with events added to it and without.
Creating and checking the events is part of the time. By hand: one INSERT of the same rows, nothing checked.`;

/** Measures what adding events costs the business transaction; `events` in each round of a case, and at least 20 transactions. */
export async function benchAdd({ events, rounds }: RunOptions): Promise<BenchmarkReport> {
  const cases: BenchmarkCase[] = [];
  for (const { name, eventsEach, connections, atMost } of addCases) {
    await withEnvironment(async (environment) => {
      const lane = await environment.createLane();
      const transactions = Math.max(20, Math.ceil(events / eventsEach / 4));
      const ways = await openWays(environment, { lane, eventsEach, connections, transactions });
      const measured = await alternate(ways, { warmUps: 1, rounds });
      cases.push(compared(`transaction, ${name}`, "ms", measured));
      const share = ratio(measured.omniBox, measured[withoutEvents]);
      const byHand = ratio(measured.handWritten, measured[withoutEvents]);
      const aim = atMost === undefined ? {} : { aim: { of: "value", atMost } as const };
      cases.push({
        case: `with / without, ${name}`,
        value: share,
        unit: "",
        handWritten: byHand,
        ratio: rounded(share / byHand),
        ...aim,
      });
    });
  }
  return { name: "add", method, cases };
}

interface WaysOptions extends Pick<AddCase, "eventsEach" | "connections"> {
  readonly lane: string;
  readonly transactions: number;
}

async function openWays(environment: Environment, { lane, eventsEach, connections, transactions }: WaysOptions) {
  const adapter = new PrismaPg({ connectionString: databaseUrl, max: connections }, { schema: lane });
  const client = new PrismaClient({ adapter });
  environment.onEnd(() => client.$disconnect());
  await environment.pool.query(`CREATE TABLE "${lane}".business (id bigserial PRIMARY KEY, note text NOT NULL)`);
  const outbox = createOutbox({ repository: createPrismaOutboxRepository(client, { schema: lane }) });
  const payloads = Array.from({ length: eventsEach }, (_, orderId) => ({
    aggregateId: orderId,
    payload: { orderId, customer: "Ada Lovelace", note: "x".repeat(200) },
  }));
  const common = { type: "order.placed", schemaVersion: "1.0.0", topic: lane, aggregateType: "order" };

  const timed = (add: (tx: PrismaTransactionLike) => Promise<unknown>) => async () => {
    let left = transactions;
    const work = async () => {
      for (; left > 0; ) {
        left -= 1;
        await client.$transaction(async (tx) => {
          await tx.$executeRawUnsafe(
            `INSERT INTO "${lane}".business (note) VALUES ($1::text)`,
            "a row of the service's own",
          );
          await add(tx);
        });
      }
    };
    const before = await countEvents();
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: connections }, work));
    const ms = ((performance.now() - startedAt) * connections) / transactions;
    const added = (await countEvents()) - before;
    if (add !== nothing && added !== transactions * eventsEach) throw new Error(`${added} events were added`);
    return ms;
  };
  async function countEvents(): Promise<number> {
    return Number((await environment.pool.query(`SELECT count(*) FROM "${lane}".outbox_event`)).rows[0].count);
  }
  return {
    [withoutEvents]: timed(nothing),
    omniBox: timed((tx) =>
      outbox.add(
        tx,
        payloads.map((own) => createOutboxEvent({ ...common, ...own })),
      ),
    ),
    handWritten: timed((tx) => insertEvents(tx, `"${lane}".outbox_event`, lane, payloads)),
  };
}

async function nothing(): Promise<void> {
  // The transaction without events.
}
