import { describe, expectTypeOf, it } from "vitest";
import type { EventConsumer } from "../protocols/event-consumer.js";
import type { InboxEventRepository } from "../protocols/inbox-event-repository.js";
import { createEventRouter } from "../routing/create-event-router.js";
import { createInboxConsumer, type InboxConsumer } from "./create-inbox-consumer.js";
import { createInboxProcessor } from "./create-inbox-processor.js";

interface Tx {
  readonly sql: (text: string) => Promise<void>;
}

declare const repository: InboxEventRepository<Tx>;
declare const consumer: EventConsumer;
const base = { repository, consumer, consumerGroup: "shipping" };

describe("createInboxConsumer", () => {
  it("infers the transaction and the dependencies", () => {
    const router = createEventRouter<Tx, { readonly mailer: string }>();
    expectTypeOf(
      createInboxConsumer({ ...base, router, dependencies: { mailer: "smtp" } }),
    ).toEqualTypeOf<InboxConsumer>();
  });

  it("refuses a router whose handlers need another transaction", () => {
    const router = createEventRouter<{ readonly other: true }>();
    // @ts-expect-error the repository opens transactions of another type
    createInboxConsumer({ ...base, router });
  });

  it("asks for the dependencies where the handlers want some, and only there", () => {
    const router = createEventRouter<Tx, { readonly mailer: string }>();
    // @ts-expect-error they are missing
    createInboxConsumer({ ...base, router });
    // @ts-expect-error so they are for a processor
    createInboxProcessor({ repository, consumerGroup: "shipping", router });
    createInboxConsumer({ ...base, router: createEventRouter<Tx>() });
    createInboxProcessor({ repository, consumerGroup: "shipping", router: createEventRouter<Tx>() });
  });

  it("takes a router whose handlers ask for less of their transaction", () => {
    createInboxConsumer({ ...base, router: createEventRouter<Pick<Tx, "sql">>() });
  });

  it("refuses dependencies that the handlers do not take", () => {
    const router = createEventRouter<Tx, { readonly mailer: string }>();
    // @ts-expect-error the mailer is missing
    createInboxConsumer({ ...base, router, dependencies: {} });
  });
});
