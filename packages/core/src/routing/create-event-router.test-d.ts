import { z } from "zod";
import { defineEvent } from "../events/define-event.js";
import type { JsonObject } from "../events/json.js";
import { createEventRouter } from "./create-event-router.js";
import { eventHandler } from "./event-handler.js";
import type { EventOf } from "./handled-event.js";
import type { HandlerContext } from "./handler-context.js";
import { type EventHandlerResult, handlerRetry, handlerSkipped } from "./handler-result.js";

interface SomeTransaction {
  readonly shipment: { create(args: { data: { orderId: string } }): Promise<{ id: number }> };
}
interface OtherTransaction {
  readonly query: (sql: string) => Promise<void>;
}
interface Mailer {
  readonly send: (to: string) => Promise<void>;
}

export const OrderPlaced = defineEvent({
  type: "order.placed",
  topic: "orders",
  aggregateType: "order",
  version: "2.0.0",
  schema: z.object({ orderId: z.uuid(), customer: z.string(), placedAt: z.coerce.date<string>() }),
  migrations: [{ from: "1.0.0", to: "2.0.0", migrate: (old) => ({ ...old, totalCents: Math.round(old.total * 100) }) }],
});
const ShipmentPrepared = defineEvent({
  type: "shipment.prepared",
  topic: "shipments",
  aggregateType: "shipment",
  version: "1",
  schema: z.object({ orderId: z.string() }),
});

// Nothing is typed by hand but the transaction: payloads arrive in the schema's output form.
const router = createEventRouter<SomeTransaction>()
  .on(OrderPlaced, async (event, { tx, outbox, signal, logger, attempt, dependencies }) => {
    const placed: [Date, "order.placed", string] = [event.payload.placedAt, event.type, event.receivedVersion];
    await tx.shipment.create({ data: { orderId: event.payload.orderId } });
    await outbox.add(
      ShipmentPrepared.create({ aggregateId: event.payload.orderId, payload: { orderId: event.payload.orderId } }),
    );
    const none: undefined = dependencies;
    logger.info({ placed, none, attempt, aborted: signal.aborted }, "handled");
  })
  .on({ type: "order.cancelled", topic: "orders" }, (event) => {
    const [payload, type]: [JsonObject, "order.cancelled"] = [event.payload, event.type];
    return payload.reason === type ? handlerSkipped("x") : handlerRetry("x", { notBefore: new Date(0) });
  });

// @ts-expect-error a field that the payload does not have
router.on(OrderPlaced, (event) => void event.payload.costumer);
// @ts-expect-error the input form: it arrives as a Date
router.on(OrderPlaced, (event) => void event.payload.placedAt.toUpperCase());
// @ts-expect-error something else of the transaction
router.on(OrderPlaced, async (_event, { tx }) => void tx.query("SELECT 1"));
// @ts-expect-error no dependencies were promised
router.on(OrderPlaced, (_event, { dependencies }) => dependencies.send("ada"));
// @ts-expect-error a handler of another event
router.on(OrderPlaced, (_event: EventOf<typeof ShipmentPrepared>) => undefined);
// @ts-expect-error a handler of another transaction
router.on(OrderPlaced, (_event: EventOf<typeof OrderPlaced>, _context: HandlerContext<OtherTransaction>) => undefined);
// @ts-expect-error what a statement answers is no result
router.on(OrderPlaced, (event, { tx }) => tx.shipment.create({ data: event.payload }));
// @ts-expect-error a version without a schema
router.on({ type: "order.placed", topic: "orders", version: "1" }, () => undefined);
// @ts-expect-error no topic
router.on({ type: "order.placed" }, () => undefined);

createEventRouter<SomeTransaction, Mailer>().on(OrderPlaced, (event, { dependencies }) =>
  dependencies.send(event.payload.customer),
);

class ShippingHandlers {
  static readonly topic = "orders";
  readonly #prefix = "order ";

  @eventHandler(OrderPlaced)
  async onOrderPlaced(event: EventOf<typeof OrderPlaced>, { tx }: HandlerContext<SomeTransaction>) {
    await tx.shipment.create({ data: { orderId: this.#prefix + event.payload.orderId } });
  }

  @eventHandler({ type: "order.cancelled" })
  onOrderCancelled(event: { readonly payload: JsonObject }): EventHandlerResult {
    return handlerSkipped(String(event.payload.reason));
  }

  @eventHandler(ShipmentPrepared)
  onShipmentPrepared() {}

  // @ts-expect-error the method takes another event
  @eventHandler(ShipmentPrepared)
  onSomethingElse(_event: EventOf<typeof OrderPlaced>) {}

  // @ts-expect-error what it answers is no result
  @eventHandler(OrderPlaced)
  onOrderPlacedToo() {
    return 1;
  }

  // @ts-expect-error no event
  @eventHandler({ topic: "orders" })
  onNothing() {}

  // @ts-expect-error not a method
  @eventHandler(OrderPlaced)
  readonly field = 1;

  /** Methods that handle nothing are nobody's business. */
  describe(name: string, more: { readonly text: string }): string {
    return name + more.text;
  }
}
class MailHandlers {
  @eventHandler(OrderPlaced)
  onOrderPlaced(event: EventOf<typeof OrderPlaced>, { dependencies }: HandlerContext<unknown, Mailer>) {
    return dependencies.send(event.payload.customer);
  }
}

router.register(new ShippingHandlers());
createEventRouter<SomeTransaction, Mailer>().register(new MailHandlers());
// @ts-expect-error methods that write through another transaction
createEventRouter<OtherTransaction>().register(new ShippingHandlers());
// @ts-expect-error methods that expect other dependencies
createEventRouter<SomeTransaction>().register(new MailHandlers());
// @ts-expect-error one of several
createEventRouter<SomeTransaction, undefined>().register(new ShippingHandlers(), new MailHandlers());
const list: readonly object[] = [new ShippingHandlers()];
router.register(...list);
