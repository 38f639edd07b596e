import assert from "node:assert/strict";
import { limits, type OutboxEventInput } from "@omni-box/core";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { openOutbox } from "./outbox-scenario.js";
import { sampleEvent, sampleEvents } from "./sample-event.js";

/** That events come back as they were added, up to every limit. */
export const contentCases: readonly OutboxRepositoryCase[] = [
  roundTrip("all-fields", "every field comes back as it was added", {
    type: "order.paid",
    schemaVersion: "2.1.0",
    topic: "payments",
    aggregateType: "payment",
    aggregateId: "payment-9",
    partitionKey: "customer-4",
    headers: { tenant: "north", "X-Mixed-Case": "Yes" },
    traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
    correlationId: "correlation-1",
    causationId: "causation-1",
    idempotencyKey: "payment-9/paid",
    scheduledAt: new Date(Date.now() - 3_600_000),
    maxAttempts: 3,
    payload: { amountCents: 1_999, currency: "EUR" },
  }),
  roundTrip("empty-payload", "an empty payload stays an empty object", { payload: {} }),
  roundTrip("text", "text of any alphabet, quotes, backslashes and control characters come back unchanged", {
    aggregateId: "Ünïcødé-注文-🧾",
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
  roundTrip("nesting", `a payload may nest ${limits.payloadMaxDepth} levels deep`, {
    payload: nested(limits.payloadMaxDepth),
  }),
  roundTrip("largest-payload", `a payload of ${limits.payloadMaxBytes} bytes comes back whole`, {
    payload: { text: "x".repeat(limits.payloadMaxBytes - Buffer.byteLength(JSON.stringify({ text: "" }))) },
  }),
  roundTrip("longest-topic", `a topic may have ${limits.topicMaxLength} characters`, {
    topic: "t".repeat(limits.topicMaxLength),
  }),
  roundTrip("longest-header", `a header's value may have ${limits.headerValueMaxLength} characters of several bytes`, {
    headers: { tenant: "漢".repeat(limits.headerValueMaxLength) },
  }),
  roundTrip("longest-fields", "every text field may be as long as its limit, in characters of several bytes", {
    type: "é".repeat(limits.eventTypeMaxLength),
    schemaVersion: "é".repeat(limits.schemaVersionMaxLength),
    topic: "é".repeat(Math.floor(limits.topicMaxBytes / 2)),
    aggregateType: "é".repeat(limits.aggregateTypeMaxLength),
    aggregateId: "é".repeat(limits.aggregateIdMaxLength),
    partitionKey: "漢".repeat(limits.partitionKeyMaxLength),
    traceId: "é".repeat(limits.contextIdMaxLength),
    correlationId: "é".repeat(limits.contextIdMaxLength),
    causationId: "é".repeat(limits.contextIdMaxLength),
    idempotencyKey: "漢".repeat(limits.idempotencyKeyMaxLength),
    maxAttempts: limits.maxAttemptsMax,
    headers: longestHeaders(),
  }),
  {
    id: "outbox.content.largest-add",
    title: `${limits.addMaxEvents} events can be added at once, in order`,
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const drafts = sampleEvents(limits.addMaxEvents);
      const added = await outbox.add(drafts);
      assert.deepEqual(
        added.map(({ id }) => id),
        drafts.map(({ id }) => id),
      );
      const seqs = added.map(({ seq }) => seq ?? assert.fail("no seq was reported"));
      assert.ok(
        seqs.every((seq, index) => index === 0 || seq > (seqs[index - 1] ?? seq)),
        "seq is not in order",
      );
      const last = drafts.at(-1) ?? assert.fail("no drafts");
      assert.deepEqual((await outbox.read(last.id)).payload, last.payload);
    },
  },
];

function roundTrip(name: string, title: string, fields: Partial<OutboxEventInput>): OutboxRepositoryCase {
  return {
    id: `outbox.content.${name}`,
    title,
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const draft = sampleEvent(fields);
      const [added] = await outbox.add([draft]);
      const { schema: _notStored, payload, headers, ...plain } = draft;
      const { events } = await outbox.take();
      assert.equal(events.length, 1);
      for (const stored of [...events, await outbox.read(draft.id)]) {
        for (const [field, value] of Object.entries(plain)) {
          assert.deepEqual(Reflect.get(stored, field), value, `${field} was changed`);
        }
        assert.deepEqual(asPlainJson(stored.payload), asPlainJson(payload), "the payload was changed");
        assert.deepEqual(asPlainJson(stored.headers), asPlainJson(headers), "the headers were changed");
        assert.equal(stored.seq, added?.seq);
        assert.equal(stored.attemptsMade, 0);
        assert.equal(stored.lastError, null);
        assert.equal(stored.completedAt, null);
        assert.ok(stored.createdAt instanceof Date);
      }
    },
  };
}

/** Takes prototypes out of the comparison; a store need not keep the order of properties. */
function asPlainJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

function nested(depth: number): object {
  return depth === 1 ? { leaf: true } : { inner: nested(depth - 1) };
}

/** As many headers as there may be, with the longest names, and values that fill what they may take together. */
function longestHeaders(): Record<string, string> {
  const names = Array.from({ length: limits.headersMaxCount }, (_, index) =>
    String(index).padEnd(limits.headerKeyMaxLength, "h"),
  );
  const bytesPerValue = limits.headersMaxBytes / limits.headersMaxCount - limits.headerKeyMaxLength;
  return Object.fromEntries(names.map((name) => [name, "ü".repeat(Math.floor(bytesPerValue / 2))]));
}
