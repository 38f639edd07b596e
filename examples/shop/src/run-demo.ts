import { createOutboxRelay } from "@omni-box/core";
import { createTables, dropTables } from "./create-tables.js";
import { serveCustomers } from "./customers.js";
import { type Database, openDatabase } from "./database.js";
import { type DemoBroker, openInProcessBroker, openRabbitMq } from "./demo-broker.js";
import { createShop, type Purchase } from "./shop.js";
import { type DemoResult, tally, tellResult } from "./tally.js";

/** What the demo runs against. */
export interface DemoOptions {
  readonly databaseUrl: string;
  /** Without it an in-process broker is used. */
  readonly amqpUrl: string | undefined;
  /** Of the PostgreSQL schema, the exchange and the queue that are made for this run and removed after it. */
  readonly name: string;
  readonly tell: (line: string) => void;
}

const customersAtOnce = 8;
const customersPerRush = 80;
/** Less than the customers want, so that some orders roll back after their event was added. */
const stock = { teapot: 20, cup: 80, kettle: 60 };
const products = Object.keys(stock);

/** Makes what the demo needs, plays it, and removes everything again, also when it is interrupted. */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { databaseUrl, amqpUrl, name } = options;
  const database = openDatabase(databaseUrl, name);
  const broker = amqpUrl === undefined ? openInProcessBroker() : await openRabbitMq(amqpUrl, name);
  try {
    await createTables(database, name);
    return await Promise.race([playOneDay(database, broker, options), interrupted()]);
  } finally {
    await dropTables(database, name);
    await database.client.$disconnect();
    await broker.close();
  }
}

/** Rejects when somebody ends the demo. */
function interrupted(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => reject(new Error(`The demo was ended by ${signal}.`)));
    }
  });
}

/** Plays one day in the shop and compares what the database committed with what the broker delivered. */
async function playOneDay(database: Database, broker: DemoBroker, { tell }: DemoOptions): Promise<DemoResult> {
  await database.prisma.product.createMany({
    data: Object.entries(stock).map(([id, pieces]) => ({ id, stock: pieces })),
  });
  const shop = createShop(database.prisma);
  const relay = createOutboxRelay({ repository: database.repository, publisher: broker.publisher });
  const pending = () => database.prisma.outboxEvent.count();

  tell("A shop writes its orders, and the events about them, in one database transaction each.");
  tell(`A relay moves the events from PostgreSQL to ${broker.name}.`);
  tell("");

  await relay.start();
  tell("1. The relay is running.");
  const morning = await serveCustomers(shop, purchases("morning"), customersAtOnce);
  tell(`   ${told(morning)}`);

  tell("2. The relay is stopped in the middle of the rush; the shop does not notice.");
  const noonRush = serveCustomers(shop, purchases("noon"), customersAtOnce);
  await relay.stop();
  const noon = await noonRush;
  tell(`   ${told(noon)}`);
  tell(`   ${await pending()} events wait in the outbox table.`);

  tell("3. The relay is started again, while customers go on buying.");
  const eveningRush = serveCustomers(shop, purchases("evening"), customersAtOnce);
  await relay.start();
  const evening = await eveningRush;
  tell(`   ${told(evening)}`);
  await relay.drain();
  await relay.stop();
  tell(`   ${await pending()} events wait in the outbox table.`);
  tell("");

  const result = tally([morning, noon, evening], await broker.takeMessageIds(), await pending());
  tellResult(result, tell);
  return result;
}

function purchases(time: string): readonly Purchase[] {
  return Array.from({ length: customersPerRush }, (_, index) => ({
    customer: `${time} customer ${index + 1}`,
    productId: products[index % products.length] ?? "teapot",
    totalCents: 500 + index,
  }));
}

function told({
  transactions,
  rolledBack,
  eventIds,
}: {
  transactions: number;
  rolledBack: number;
  eventIds: string[];
}) {
  return `${transactions} transactions, ${rolledBack} of them rolled back; ${eventIds.length} events committed.`;
}
