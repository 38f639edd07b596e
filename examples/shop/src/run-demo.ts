import { setTimeout } from "node:timers/promises";
import { createOutboxRelay } from "@omni-box/core";
import { closeDatabase, createShippingTables, createShopTables } from "./create-tables.js";
import { type RushHour, serveCustomers } from "./customers.js";
import { type Database, openDatabase } from "./database.js";
import { type DemoBroker, openInProcessBroker, openRabbitMq } from "./demo-broker.js";
import { createHelpDesk } from "./help-desk.js";
import { createRepeatingPublisher } from "./repeating-publisher.js";
import { createShipping, createShopInbox } from "./shipping.js";
import { createShop, type Purchase } from "./shop.js";
import { type DemoResult, tally, tellResult } from "./tally.js";
import { publishOldVersion, publishUndecodable } from "./trouble.js";

/** What the demo runs against. */
export interface DemoOptions {
  readonly databaseUrl: string;
  /** Without it an in-process broker is used. */
  readonly amqpUrl: string | undefined;
  /** Of the PostgreSQL schemas, the exchange and the queues that are made for this run and removed after it. */
  readonly name: string;
  readonly tell: (line: string) => void;
}

/** The two services' databases, and the broker between them. */
interface Stage {
  readonly shop: Database;
  readonly shipping: Database;
  readonly broker: DemoBroker;
  readonly tell: (line: string) => void;
}

const customersAtOnce = 8;
const customersPerRush = 80;
/** Less than the customers want, so that some orders roll back after their event was added. */
const stock = { teapot: 20, cup: 80, kettle: 60 };
const products = Object.keys(stock);
/** Buys something and has forgotten to say where to send it. */
const customerWithoutAddress = "morning customer 2";

/** Makes what the demo needs, plays it, and removes everything again, also when it is interrupted. */
export async function runDemo(options: DemoOptions): Promise<DemoResult> {
  const { databaseUrl, amqpUrl, name, tell } = options;
  const shop = openDatabase(databaseUrl, name);
  const shipping = openDatabase(databaseUrl, `${name}_shipping`);
  const broker = amqpUrl === undefined ? openInProcessBroker() : await openRabbitMq(amqpUrl, name);
  try {
    await createShopTables(shop);
    await createShippingTables(shipping);
    return await Promise.race([playOneDay({ shop, shipping, broker, tell }), interrupted()]);
  } finally {
    await closeDatabase(shop);
    await closeDatabase(shipping);
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

/** Plays one day in the shop and compares what it committed with what shipping has applied. */
async function playOneDay(stage: Stage): Promise<DemoResult> {
  const { shop: database, broker, tell } = stage;
  await database.prisma.product.createMany({
    data: Object.entries(stock).map(([id, pieces]) => ({ id, stock: pieces })),
  });
  const shop = createShop(database.prisma);
  const repeating = createRepeatingPublisher(broker.publisher());
  const relay = createOutboxRelay({ repository: database.repository, publisher: repeating });
  const shopInbox = createShopInbox(database, broker.consumer("shipments"));
  const helpDesk = createHelpDesk(stage.shipping.inboxAdministration, broker);
  const addressless = new Set([customerWithoutAddress]);
  let jams = 0;
  const shipping = createShipping({
    database: stage.shipping,
    consumers: [broker.consumer("orders"), broker.consumer("orders")],
    publisher: broker.publisher(),
    isJammed: (orderId, attempt) => {
      const isJammed = attempt === 1 && Number.parseInt(orderId.slice(0, 2), 16) < 32;
      if (isJammed) jams += 1;
      return isJammed;
    },
    hasAddress: (customer) => !addressless.has(customer),
  });

  tell("A shop writes its orders, and the events about them, in one database transaction each.");
  tell(`A relay moves the events from PostgreSQL to ${broker.name}, and delivers many of them up to five times.`);
  tell("Two instances of a shipping service apply each of them once, and answer through an outbox of their own.");
  tell("");

  // First the consumers, which make their queues: a message that no queue wants is refused.
  await Promise.all([...shipping.inboxes, shopInbox, helpDesk].map((inbox) => inbox.start()));
  await Promise.all([relay.start(), shipping.relay.start()]);
  tell("1. All are running.");
  const morning = await serveCustomers(shop, purchases("morning"), customersAtOnce);
  tell(`   ${told(morning)}`);

  tell("2. The relay is stopped in the middle of the rush; the shop does not notice.");
  const noonRush = serveCustomers(shop, purchases("noon"), customersAtOnce);
  await relay.stop();
  const noon = await noonRush;
  tell(`   ${told(noon)}`);
  tell(`   ${await database.prisma.outboxEvent.count()} events wait in the outbox table.`);

  tell(
    "3. It is started again, while customers go on buying. A broken message comes in, and one of last year's schema.",
  );
  const eveningRush = serveCustomers(shop, purchases("evening"), customersAtOnce);
  await relay.start();
  await publishUndecodable(repeating);
  await publishOldVersion(repeating);
  const evening = await eveningRush;
  tell(`   ${told(evening)}`);

  await relay.drain();
  const eventsCommitted = [morning, noon, evening].reduce((sum, { eventIds }) => sum + eventIds.length, 0);
  // Besides those of the shop there are the one in last year's schema and the broken one.
  await until(async () => (await stage.shipping.client.inboxEvent.count({ where: settled })) >= eventsCommitted + 2);

  tell("4. Two of the messages have failed for good. A dead letter tells the help desk of each:");
  const letters = await helpDesk.letters(2);
  for (const { type, reason } of letters) tell(`   "${type}": ${reason}`);
  tell("   The missing address is found, and the help desk has the order's event requeued.");
  addressless.clear();
  const wanted = letters.filter(({ reason }) => reason.includes("address"));
  const requeued = await helpDesk.requeue(wanted, "the customer has told us the address");
  tell(`   ${requeued} event is tried again; the broken message stays where it is.`);
  await shipping.relay.drain();
  await until(async () => (await database.client.order.count({ where: { isPrepared: false } })) === 0);
  const messagesDelivered = shipping.inboxes.reduce((sum, inbox) => sum + inbox.metrics().received, 0);
  await Promise.all([relay, shipping.relay, ...shipping.inboxes, shopInbox, helpDesk].map((worker) => worker.stop()));
  tell(`   ${jams} handlers failed after their writes, and were called again.`);
  tell("");

  const rushes: readonly RushHour[] = [morning, noon, evening];
  const result = await tally({
    rushes,
    shop: database,
    shipping: stage.shipping,
    messagesDelivered,
    duplicatesInjected: repeating.repetitions,
    handlersFailed: jams,
    deadLetters: letters.length,
    requeued,
  });
  tellResult(result, tell);
  return result;
}

const settled = { status: { not: "pending" } };
const patienceMs = 60_000;

/** Waits for what arrives through the broker. When it does not come in time the tally shows what is missing. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + patienceMs;
  while (!(await isTrue()) && Date.now() < giveUpAt) await setTimeout(20);
}

function purchases(time: string): readonly Purchase[] {
  return Array.from({ length: customersPerRush }, (_, index) => ({
    customer: `${time} customer ${index + 1}`,
    productId: products[index % products.length] ?? "teapot",
    totalCents: 500 + index,
  }));
}

function told({ transactions, rolledBack, eventIds }: RushHour) {
  return `${transactions} transactions, ${rolledBack} of them rolled back; ${eventIds.length} events committed.`;
}
