import assert from "node:assert/strict";
import { type InboxEventDraft, limits } from "@omni-box/core";
import type { InboxRepositoryCase } from "./inbox-repository-case.js";
import { openInbox } from "./inbox-scenario.js";
import { anotherDelivery, rowOf, sampleMessage } from "./sample-message.js";

/** That messages come back as they were received, up to every limit, whichever way they were stored. */
export const contentCases: readonly InboxRepositoryCase[] = [
  roundTrip("all-fields", "every field comes back as it was received", {
    messageId: "producer/4711",
    consumerGroup: "billing",
    source: "billing.payments",
    type: "order.paid",
    schemaVersion: "2.1.0",
    topic: "payments.eu",
    partitionKey: "customer-4",
    payload: { amountCents: 1_999, currency: "EUR" },
    headers: { tenant: "north", "X-Mixed-Case": "Yes" },
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    correlationId: "correlation-1",
    causationId: "causation-1",
    maxAttempts: 3,
    body: Buffer.from("as received"),
  }),
  roundTrip("nulls", "what a message does not have stays null, and an empty payload an empty object", { payload: {} }),
  roundTrip("text", "text of any alphabet, quotes, backslashes and control characters come back unchanged", {
    messageId: `"it's" \\ {} 注文 🧾`,
    partitionKey: "Ünïcødé-注文-🧾",
    headers: { quote: `"it's" \\ {}` },
    payload: { text: "漢字 ñ 👩‍👩‍👧 \u202e ' \" \\ \\u0041 \n\t\u0001 $1 ?? -- /* ; {a,b}", "key with ' and \"": "ü" },
  }),
  roundTrip("property-names", "names that mean something to JavaScript are ordinary property names", {
    payload: { constructor: { prototype: 1 }, toString: "text", hasOwnProperty: null, "": "empty name", length: 3 },
    headers: { constructor: "value", toString: "value" },
  }),
  roundTrip("numbers", "numbers keep all the precision of a double", {
    payload: {
      numbers: [0.1, 0.30000000000000004, 1e21, 1.7976931348623157e308, 5e-324, 2.5e-7, 9007199254740991, -1, 0],
    },
  }),
  roundTrip("body-bytes", "a body of any bytes comes back byte for byte", {
    payload: {},
    body: Uint8Array.from({ length: 1_024 }, (_, index) => index % 256),
  }),
  roundTrip("empty-body", "a body without bytes is no missing body", { payload: {}, body: new Uint8Array(0) }),
  roundTrip("largest-body", `a body of ${limits.payloadMaxBytes} bytes comes back whole`, {
    payload: {},
    body: Buffer.alloc(limits.payloadMaxBytes, "omni-box "),
  }),
  roundTrip("largest-payload", `a payload of ${limits.payloadMaxBytes} bytes comes back whole`, {
    payload: { text: "x".repeat(limits.payloadMaxBytes - Buffer.byteLength(JSON.stringify({ text: "" }))) },
  }),
  roundTrip("longest-fields", "every text field may be as long as its limit, in characters of several bytes", {
    messageId: "漢".repeat(255),
    type: "é".repeat(limits.eventTypeMaxLength),
    schemaVersion: "é".repeat(limits.schemaVersionMaxLength),
    topic: "é".repeat(Math.floor(limits.topicMaxBytes / 2)),
    partitionKey: "漢".repeat(limits.partitionKeyMaxLength),
    traceId: "é".repeat(limits.contextIdMaxLength),
    correlationId: "é".repeat(limits.contextIdMaxLength),
    causationId: "é".repeat(limits.contextIdMaxLength),
    maxAttempts: limits.maxAttemptsMax,
    headers: { ["h".repeat(limits.headerKeyMaxLength)]: "漢".repeat(limits.headerValueMaxLength) },
  }),
];

function roundTrip(name: string, title: string, fields: Partial<InboxEventDraft>): InboxRepositoryCase {
  return {
    id: `inbox.content.${name}`,
    title,
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      const pending = sampleMessage(fields);
      const completed = anotherDelivery(pending, { consumerGroup: "another" });
      const [stored] = await inbox.repository.store([rowOf(pending)]);
      const [inserted] = await inbox.handle([completed]);
      const { events } = await inbox.take();
      assert.equal(events.length, 1, "number of pending events");
      for (const event of [...events, await inbox.read(pending.id)]) {
        assertSame(event, pending);
        assert.equal(event.status, "pending");
        assert.equal(event.completedAt, null);
        assert.deepEqual(stored, { kind: "stored", id: pending.id });
      }
      const event = await inbox.read(completed.id);
      assertSame(event, completed);
      assert.equal(event.status, "completed");
      assert.ok(event.completedAt instanceof Date, "completedAt is not set");
      assert.deepEqual(inserted, { kind: "stored", id: completed.id });
    },
  };
}

function assertSame(event: object, draft: InboxEventDraft): void {
  const { payload, headers, body, ...plain } = draft;
  const blank = { attemptsMade: 0, startedAttempts: 0, lastError: null, nextAttemptAt: null, idempotencyKey: null };
  for (const [field, value] of Object.entries({ ...plain, ...blank })) {
    assert.deepEqual(Reflect.get(event, field), value, `${field} was changed`);
  }
  assert.deepEqual(asPlainJson(Reflect.get(event, "payload")), asPlainJson(payload), "the payload was changed");
  assert.deepEqual(asPlainJson(Reflect.get(event, "headers")), asPlainJson(headers), "the headers were changed");
  assert.ok(Reflect.get(event, "createdAt") instanceof Date, "createdAt is not set");
  const storedBody = Reflect.get(event, "body");
  assert.equal(storedBody instanceof Uint8Array, body !== null, "whether there is a body");
  if (body !== null) assert.ok(Buffer.from(body).equals(storedBody), "the body was changed");
  else assert.equal(storedBody, null);
}

/** Takes prototypes out of the comparison; a store need not keep the order of properties. */
function asPlainJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
