import { expect, it } from "vitest";
import { shortError } from "./render-event-list.js";

const id = "0193805c-0000-7000-8000-000000000001";

it("shows of an error what the row does not say already", () => {
  const error = `BROKER.UNROUTABLE: message ${id}: no queue is bound for it (exchange "events", routing key "orders")`;
  expect(shortError(error, id)).toBe('BROKER.UNROUTABLE: no queue is bound for it (exchange "even…');
});

it("leaves an error that is about another message as it is", () => {
  expect(shortError("message 7: refused", id)).toBe("message 7: refused");
});
