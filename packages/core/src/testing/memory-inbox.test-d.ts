import { createEventRouter } from "../routing/create-event-router.js";
import { createMemoryInbox } from "./memory-inbox.js";
import { createMemoryOutbox } from "./memory-outbox.js";
import type { MemoryTransaction } from "./memory-transaction.js";

interface Client {
  createShipment(orderId: string): Promise<void>;
}
declare const client: Client;

// A stand-in of the application's client, or the transaction in memory itself.
createMemoryInbox({ router: createEventRouter<Client>(), tx: () => client, outbox: createMemoryOutbox() });
createMemoryInbox({ router: createEventRouter<MemoryTransaction>(), tx: (own) => own });
createMemoryInbox({ router: createEventRouter<Client, Date>(), tx: () => client, dependencies: new Date() });

// @ts-expect-error not what the handlers write through
createMemoryInbox({ router: createEventRouter<Client>(), tx: (own) => own });
// @ts-expect-error not what the handlers depend on
createMemoryInbox({ router: createEventRouter<Client, Date>(), tx: () => client, dependencies: "today" });
// @ts-expect-error an option that does not exist
createMemoryInbox({ router: createEventRouter<Client>(), tx: () => client, queue: "orders" });
