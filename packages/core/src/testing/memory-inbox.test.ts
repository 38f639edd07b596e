import { expect, it } from "vitest";
import { z } from "zod";
import { defineEvent } from "../events/define-event.js";
import { createEventRouter } from "../routing/create-event-router.js";
import { handlerFailed, handlerRetry, handlerSkipped } from "../routing/handler-result.js";
import { createManualClock } from "./manual-clock.js";
import { createMemoryInbox } from "./memory-inbox.js";
import { createMemoryOutbox } from "./memory-outbox.js";
import type { MemoryTransaction } from "./memory-transaction.js";

const common = { topic: "orders", aggregateType: "order", version: "1" } as const;
const OrderPlaced = defineEvent({ ...common, type: "order.placed", schema: z.object({ at: z.coerce.date<string>() }) });
const ShipmentPrepared = defineEvent({ ...common, type: "shipment.prepared", schema: z.object({}) });
const placed = () => OrderPlaced.create({ aggregateId: "o1", payload: { at: "2026-01-01T00:00:00Z" } });
const prepared = () => ShipmentPrepared.create({ aggregateId: "o1", payload: {} });
const own = (transaction: MemoryTransaction) => transaction;

/** What an application has: handlers over its client, here one that writes shipments. */
interface Client {
  createShipment(orderedAt: Date): Promise<void>;
}

function application() {
  const shipments: number[] = [];
  const outbox = createMemoryOutbox();
  const router = createEventRouter<Client, { readonly failAfterwards: boolean }>().on(
    OrderPlaced,
    async (event, { tx, outbox: published, dependencies }) => {
      await tx.createShipment(event.payload.at);
      await published.add(prepared());
      if (dependencies.failAfterwards) throw new Error("no stock");
    },
  );
  const open = (failAfterwards: boolean) =>
    createMemoryInbox({
      router,
      outbox,
      dependencies: { failAfterwards },
      tx: (transaction) => ({
        createShipment: async (orderedAt) => transaction.onCommit(() => shipments.push(orderedAt.getUTCFullYear())),
      }),
    });
  return { shipments, outbox, open };
}

it("hands an event to its handler, whose effects and events are there afterwards", async () => {
  const { shipments, outbox, open } = application();
  const event = placed();
  expect(await open(false).deliver(event)).toMatchObject({ kind: "completed" });
  expect(shipments).toEqual([2026]);
  outbox.expectAdded(ShipmentPrepared, { causationId: event.id, correlationId: event.id, times: 1 });
});

it("keeps nothing of a handler that fails, and says why it failed", async () => {
  const { shipments, outbox, open } = application();
  const result = await open(true).deliver(placed());
  expect(result).toMatchObject({ kind: "retry", failure: { message: expect.stringContaining("no stock") } });
  expect(shipments).toEqual([]);
  outbox.expectNothingAdded();
});

it("applies the effects of an event once, however often and at once it is delivered", async () => {
  const { shipments, open } = application();
  const inbox = open(false);
  const event = placed();
  const results = await Promise.all([1, 2, 3].map(() => inbox.deliver(event)));
  expect(results.map(({ kind }) => kind)).toEqual(["completed", "duplicate", "duplicate"]);
  await inbox.deliver(placed());
  expect(shipments).toHaveLength(2);
});

it("says what the handler says, with the attempt that the test asks for", async () => {
  const router = createEventRouter<MemoryTransaction>().on(OrderPlaced, (_event, { attempt }) =>
    attempt === 1 ? handlerRetry("too early") : attempt === 2 ? handlerFailed("never") : handlerSkipped("done already"),
  );
  const inbox = createMemoryInbox({ router, tx: own });
  const event = placed();
  const kinds: string[] = [];
  for (const attempt of [1, 2, 3]) kinds.push((await inbox.deliver(event, { attempt })).kind);
  expect(kinds).toEqual(["retry", "failed", "completed"]);
});

it("reports events without a handler, handlers that publish without an outbox, and swallowed statements", async () => {
  const router = createEventRouter<MemoryTransaction>().on(OrderPlaced, async (event, { tx, outbox }) => {
    if (event.payload.at.getUTCFullYear() === 2026) await outbox.add(prepared());
    await tx.fail().catch(() => "swallowed");
  });
  const inbox = createMemoryInbox({ router, tx: own });
  const codeOf = async (event: Parameters<typeof inbox.deliver>[0]) => {
    const result = await inbox.deliver(event);
    return "failure" in result ? result.failure.code : result.kind;
  };
  expect(await codeOf(prepared())).toBe("INBOX.NO_HANDLER");
  expect(await codeOf(placed())).toBe("CONFIG.INVALID_OPTIONS");
  const older = OrderPlaced.create({ aggregateId: "o1", payload: { at: "2025-01-01T00:00:00Z" } });
  expect(await codeOf(older)).toBe("INBOX.TRANSACTION_ABORTED");
});

it("gives up a handler that takes too long", async () => {
  const clock = createManualClock();
  const router = createEventRouter<MemoryTransaction>().on(OrderPlaced, () => new Promise(() => undefined));
  const delivering = createMemoryInbox({ router, tx: own, clock, handlerTimeoutMs: 100 }).deliver(placed());
  await clock.advance(100);
  expect(await delivering).toMatchObject({ kind: "retry", failure: { code: "INBOX.HANDLER_TIMEOUT" } });
  expect(clock.pendingTimers).toBe(0);
});

it("reports all bad options at once", () => {
  expect(() => createMemoryInbox({ router: {}, tx: 1, queue: "q" } as never)).toThrowError(
    /router: .*tx: .*unknown option "queue"/s,
  );
});
