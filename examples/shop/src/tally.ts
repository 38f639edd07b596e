import type { RushHour } from "./customers.js";
import type { Database } from "./database.js";

/** The demo's result; `--json` prints it as the last line. */
export interface DemoResult {
  readonly ok: boolean;
  readonly transactions: number;
  readonly rolledBack: number;
  readonly eventsCommitted: number;
  readonly messagesDelivered: number;
  /** Events that committed and were not handled by shipping. */
  readonly lost: number;
  /** Handled events whose transaction in the shop rolled back. */
  readonly phantoms: number;
  readonly duplicatesInjected: number;
  readonly handlersFailed: number;
  /** Rows that shipping's handlers have committed. */
  readonly effectsApplied: number;
  /** Orders for which a handler's row exists more than once. */
  readonly appliedTwice: number;
  /** Broken messages that are kept in the inbox table with their reason. */
  readonly undecodableKept: number;
  /** Events of an older schema version that were handled. */
  readonly migrated: number;
  /** Letters about failed events that reached the help desk. */
  readonly deadLetters: number;
  /** Failed events that the help desk had tried again. */
  readonly requeued: number;
  /** Orders that heard back from shipping. */
  readonly ordersPrepared: number;
}

/** What is held against each other. */
export interface TallyInput {
  readonly rushes: readonly RushHour[];
  readonly shop: Database;
  readonly shipping: Database;
  readonly messagesDelivered: number;
  readonly duplicatesInjected: number;
  readonly handlersFailed: number;
  readonly deadLetters: number;
  readonly requeued: number;
}

/** Holds what the shop committed against what shipping applied, by the rows of both databases. */
export async function tally(input: TallyInput): Promise<DemoResult> {
  const { rushes, shop, shipping, messagesDelivered, duplicatesInjected, handlersFailed, deadLetters, requeued } =
    input;
  const committed = new Set(rushes.flatMap(({ eventIds }) => eventIds));
  const rows = await shipping.client.inboxEvent.findMany({
    select: { messageId: true, status: true, body: true },
  });
  const handled = new Set(rows.filter(({ status }) => status === "completed").map(({ messageId }) => messageId));
  const shipments = await shipping.client.shipment.findMany();
  const releases = await shipping.client.release.findMany();
  const orders = await shop.client.order.findMany();
  const stillPending = await shop.client.outboxEvent.count();
  const rolledBack = rushes.reduce((sum, rush) => sum + rush.rolledBack, 0);
  const migrated = shipments.filter(({ receivedVersion }) => receivedVersion === "1.0.0").length;

  const result = {
    transactions: rushes.reduce((sum, rush) => sum + rush.transactions, 0),
    rolledBack,
    eventsCommitted: committed.size,
    messagesDelivered,
    lost: [...committed].filter((id) => !handled.has(id)).length,
    phantoms: handled.size - [...committed].filter((id) => handled.has(id)).length - migrated,
    duplicatesInjected,
    handlersFailed,
    effectsApplied: shipments.length + releases.length,
    appliedTwice: repeated(shipments) + repeated(releases),
    undecodableKept: rows.filter(({ status, body }) => status === "failed" && body !== null).length,
    migrated,
    deadLetters,
    requeued,
    ordersPrepared: orders.filter(({ isPrepared }) => isPrepared).length,
  };
  const ok =
    result.lost === 0 &&
    result.phantoms === 0 &&
    result.appliedTwice === 0 &&
    result.effectsApplied === result.eventsCommitted + result.migrated &&
    result.ordersPrepared === orders.length &&
    result.undecodableKept === 1 &&
    result.migrated === 1 &&
    result.deadLetters === 2 &&
    result.requeued === 1 &&
    stillPending === 0 &&
    rolledBack > 0 &&
    duplicatesInjected > 0 &&
    handlersFailed > 0;
  return { ok, ...result };
}

function repeated(rows: readonly { readonly orderId: string }[]): number {
  return rows.length - new Set(rows.map(({ orderId }) => orderId)).size;
}

/** Explains a result to people. */
export function tellResult(result: DemoResult, tell: (line: string) => void): void {
  const row = (label: string, value: number, meaning: string) =>
    tell(`   ${label.padEnd(20)} ${String(value).padStart(5)}   ${meaning}`);
  row("transactions", result.transactions, "orders placed and paid, many at the same time");
  row("rolled back", result.rolledBack, "out of stock, noticed after the event had been added");
  row("events committed", result.eventsCommitted, "with their orders");
  row("messages delivered", result.messagesDelivered, "to the shipping service");
  row("duplicates injected", result.duplicatesInjected, "the same message again, at the same time");
  row("handlers failed", result.handlersFailed, "after their writes; they were rolled back and done again");
  row("effects applied", result.effectsApplied, "shipments and releases in the shipping service's tables");
  row("migrated", result.migrated, "of them from a message in last year's schema");
  row("undecodable kept", result.undecodableKept, "no JSON: in the inbox table as failed, with the reason");
  row("dead letters", result.deadLetters, "about failed events, to the help desk");
  row("requeued", result.requeued, "of the failed events, and then applied");
  row("orders prepared", result.ordersPrepared, "heard back from shipping through its own outbox");
  row("lost", result.lost, "committed, but never handled");
  row("phantoms", result.phantoms, "handled, although their order was rolled back");
  row("applied twice", result.appliedTwice, "orders with more than one shipment or release");
  tell("");
  tell(
    result.ok ? "Every committed event was applied, once, and no other." : "Something is wrong: see the numbers above.",
  );
}
