import { payloadText } from "@omni-box/core";
import { describe, expect, it } from "vitest";
import { readInboxRow, readOutboxRow } from "./event-columns.js";

const createdAt = new Date(0);
const plain = {
  seq: 1n,
  id: "0190c9b4-0000-7000-8000-000000000001",
  event_type: "order.placed",
  schema_version: "1",
  topic: "orders",
  partition_key: "order-1",
  bucket: 7,
  trace_id: null,
  correlation_id: null,
  causation_id: null,
  idempotency_key: null,
  status: "pending",
  attempts_made: 0,
  max_attempts: 10,
  started_attempts: 0,
  last_error: null,
  created_at: createdAt,
  scheduled_at: null,
  next_attempt_at: null,
  completed_at: null,
  lease_token: null,
  lease_until: null,
  locked_by: null,
};
const outboxRow = { ...plain, payload: '{"a": 1}', headers: "{}", aggregate_type: "order", aggregate_id: "1" };

describe("a row of the outbox", () => {
  it("keeps its payload as text until somebody reads it", () => {
    const event = readOutboxRow(outboxRow);

    expect(payloadText(event)).toBe('{"a": 1}');
    expect(event).toMatchObject({ seq: 1n, partitionKey: "order-1", createdAt, aggregateId: "1", lease: null });
    expect(event.payload).toEqual({ a: 1 });
  });

  it("has its headers as an object, and is frozen with all that is in it", () => {
    for (const [headers, read] of [
      ["{}", {}],
      ['{"tenant": "größe"}', { tenant: "größe" }],
    ] as const) {
      const event = readOutboxRow({ ...outboxRow, headers });

      expect(event.headers).toEqual(read);
      for (const part of [event, event.headers, event.payload]) expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

it("a row of the inbox, whose handler reads the payload, comes parsed", () => {
  const own = { message_id: "m", consumer_group: "g", source: "q", sender_seq: null, body: null };
  const event = readInboxRow({ ...plain, ...own, payload: { a: 1 }, headers: { tenant: "x" } });

  expect(event).toMatchObject({ messageId: "m", consumerGroup: "g", payload: { a: 1 }, headers: { tenant: "x" } });
  for (const part of [event, event.headers, event.payload]) expect(Object.isFrozen(part)).toBe(true);
});
