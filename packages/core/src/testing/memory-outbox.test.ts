import { AssertionError } from "node:assert";
import { expect, it } from "vitest";
import { z } from "zod";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import { defineEvent } from "../events/define-event.js";
import { expectOutboxEvent } from "./expect-outbox-event.js";
import { createMemoryOutbox } from "./memory-outbox.js";

const common = { type: "order.placed", topic: "orders", aggregateType: "order", version: "2.0.0" };

const OrderPlaced = defineEvent({
  ...common,
  schema: z.object({ customer: z.string(), lines: z.array(z.object({ sku: z.string(), quantity: z.int() })) }),
});

const OrderPaid = defineEvent({ ...common, type: "order.paid", schema: z.object({ cents: z.int() }) });

const tx = {};
const placed = (customer: string) =>
  OrderPlaced.create({
    aggregateId: `order of ${customer.slice(0, 20)}`,
    payload: { customer, lines: [{ sku: "tea", quantity: 2 }] },
  });

function failureOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(AssertionError);
    return (error as AssertionError).message;
  }
  return expect.fail("nothing was thrown");
}

it("finds an added event by any part of it, and returns what matched", async () => {
  const outbox = createMemoryOutbox();
  await outbox.add(tx, [placed("Ada"), placed("Bob")], { correlationId: "c-1" });
  outbox.expectAdded(OrderPlaced);
  const [found, ...others] = outbox.expectAdded(OrderPlaced, {
    payload: { lines: [{ sku: "tea" }], customer: "Ada" },
    correlationId: "c-1",
  });
  expect(found?.aggregateId).toBe("order of Ada");
  expect(others).toEqual([]);
  expect(outbox.added.map(({ seq }) => seq)).toEqual([1n, 2n]);
});

it("counts matching events when asked how many there have to be", async () => {
  const outbox = createMemoryOutbox();
  await outbox.add(tx, [placed("Ada"), placed("Ada"), placed("Bob")]);
  outbox.expectAdded(OrderPlaced, { payload: { customer: "Ada" }, times: 2 });
  outbox.expectAdded(OrderPaid, { times: 0 });
  expect(failureOf(() => outbox.expectAdded(OrderPlaced, { times: 2 }))).toContain("expected 2 events");
  expect(failureOf(() => outbox.expectAdded(OrderPlaced, { times: 0 }))).toContain("found 3");
});

it("says of every event, by type and id, where it differs", async () => {
  const outbox = createMemoryOutbox();
  await outbox.add(tx, [placed("Bob"), OrderPaid.create({ aggregateId: "1", payload: { cents: 5 } })]);
  const [first, second] = outbox.added;
  const message = failureOf(() => outbox.expectAdded(OrderPlaced, { payload: { customer: "Ada" } }));
  expect(message).toContain(`expected at least one event of type "order.placed" with { payload: { customer: 'Ada' } }`);
  expect(message).toContain(`order.placed ${first?.id} payload.customer is 'Bob' instead of 'Ada'`);
  expect(message).toContain(`order.paid ${second?.id} is of another type`);
});

it("tells versions of one type apart", async () => {
  const outbox = createMemoryOutbox();
  await outbox.add(tx, placed("Ada"));
  const older = defineEvent({ ...common, version: "1.0.0", schema: OrderPlaced.schema });
  expect(failureOf(() => outbox.expectAdded(older))).toContain("schemaVersion is '2.0.0' instead of '1.0.0'");
});

it("notices when something was added that should not have been", async () => {
  const outbox = createMemoryOutbox();
  outbox.expectNothingAdded();
  await outbox.add(tx, placed("Ada"));
  expect(failureOf(() => outbox.expectNothingAdded())).toMatch(/found 1:\n {2}- order\.placed .*customer: 'Ada'/);
});

it("validates like the real outbox and refuses a client outside a transaction", async () => {
  const outbox = createMemoryOutbox({ payloadMaxBytes: 1_024 });
  const rejectsWith = (code: Parameters<typeof isOmniBoxError>[1], adding: Promise<unknown>) =>
    expect(adding).rejects.toSatisfy((error) => isOmniBoxError(error, code));
  const wrong = OrderPaid.create({ aggregateId: "1", payload: { cents: 1.5 } });
  await rejectsWith("MESSAGE.SCHEMA_MISMATCH", outbox.add(tx, wrong));
  await rejectsWith("MESSAGE.INVALID_PAYLOAD", outbox.add(tx, placed("x".repeat(2_000))));
  await rejectsWith("CONFIG.TRANSACTION_REQUIRED", outbox.add({ $connect: async () => undefined }, placed("Ada")));
  await rejectsWith("CONFIG.TRANSACTION_REQUIRED", outbox.add(undefined, placed("Ada")));
  outbox.expectNothingAdded();
});

it("rolls back with the transactions of its own repository", async () => {
  const outbox = createMemoryOutbox();
  const failing = outbox.repository.transaction(async (own) => {
    await outbox.add(own, placed("Ada"));
    throw new Error("rolled back");
  });
  await expect(failing).rejects.toThrow("rolled back");
  outbox.expectNothingAdded();
  await outbox.repository.transaction((own) => outbox.add(own, placed("Bob")));
  outbox.expectAdded(OrderPlaced, { payload: { customer: "Bob" }, times: 1 });
});

it("has its assertion for the events of any repository", async () => {
  const outbox = createMemoryOutbox();
  await outbox.add(tx, placed("Ada"));
  const due = await outbox.repository.findDue({ limit: 10 });
  expect(expectOutboxEvent(due, OrderPlaced, { aggregateId: "order of Ada" })).toHaveLength(1);
  expect(failureOf(() => expectOutboxEvent([], OrderPlaced))).toContain("there are no events");
});

it("keeps a failure readable when there are many events", async () => {
  const outbox = createMemoryOutbox();
  await outbox.add(
    tx,
    Array.from({ length: 50 }, (_, index) => placed(`customer ${index}`)),
  );
  const message = failureOf(() => outbox.expectAdded(OrderPaid));
  expect(message.split("\n")).toHaveLength(22);
  expect(message).toContain("… and 30 more");
});
