import type { RushHour } from "./customers.js";

/** The demo's result; `--json` prints it as the last line. */
export interface DemoResult {
  readonly ok: boolean;
  readonly transactions: number;
  readonly rolledBack: number;
  readonly eventsCommitted: number;
  readonly messagesDelivered: number;
  /** Events that committed and were not delivered. */
  readonly lost: number;
  /** Messages of events whose transaction rolled back. */
  readonly phantoms: number;
}

/** Holds the committed events against the delivered messages. */
export function tally(rushes: readonly RushHour[], deliveredIds: readonly string[], stillPending: number): DemoResult {
  const committed = new Set(rushes.flatMap(({ eventIds }) => eventIds));
  const delivered = new Set(deliveredIds);
  const lost = [...committed].filter((id) => !delivered.has(id)).length;
  const phantoms = [...delivered].filter((id) => !committed.has(id)).length;
  const rolledBack = rushes.reduce((sum, rush) => sum + rush.rolledBack, 0);
  return {
    ok: lost === 0 && phantoms === 0 && stillPending === 0 && rolledBack > 0,
    transactions: rushes.reduce((sum, rush) => sum + rush.transactions, 0),
    rolledBack,
    eventsCommitted: committed.size,
    messagesDelivered: deliveredIds.length,
    lost,
    phantoms,
  };
}

/** Explains a result to people. */
export function tellResult(result: DemoResult, tell: (line: string) => void): void {
  const row = (label: string, value: number, meaning: string) =>
    tell(`   ${label.padEnd(20)} ${String(value).padStart(5)}   ${meaning}`);
  row("transactions", result.transactions, "orders placed and paid, many at the same time");
  row("rolled back", result.rolledBack, "out of stock, noticed after the event had been added");
  row("events committed", result.eventsCommitted, "with their orders");
  row("messages delivered", result.messagesDelivered, "taken out of the broker's queue at the end");
  row("lost", result.lost, "committed, but never delivered");
  row("phantoms", result.phantoms, "delivered, although their order was rolled back");
  tell("");
  tell(result.ok ? "Every committed event arrived, and no other." : "Something is wrong: see the numbers above.");
}
