import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyEvent } from "../../test/any-event.js";
import { sampleInboxEvent } from "../../test/sample-inbox-event.js";
import { limits } from "../defaults.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { deadLetterHeaders } from "../wire/dead-letter-headers.js";
import { rawConverter } from "../wire/raw-converter.js";
import { bareMessage, deadLetterMessage } from "./dead-letter-message.js";

const failedAt = new Date("2026-02-03T04:05:06.789Z");
const textOf = ({ body }: { readonly body: Uint8Array }) => Buffer.from(body).toString();
const [sample] = fc.sample(anyEvent, { numRuns: 1, seed: 1 });

function letterOf(changes: Partial<OutboxEvent> = {}) {
  if (sample === undefined) throw new Error("an event was expected");
  const failed = { status: "failed", attemptsMade: 3, lastError: "BROKER.NACKED: no room" } as const;
  return { event: { ...sample, ...failed, ...changes }, failedAt, attemptsMade: 0 };
}
const receivedLetter = (changes: Partial<InboxEvent> = {}) => ({
  event: sampleInboxEvent({ attemptsMade: 10, lastError: "the shelf is empty", ...changes }),
  failedAt,
  attemptsMade: 0,
});

describe("deadLetterMessage", () => {
  it("is any event as it would have been published, with headers that say why it was not", () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const letter = letterOf(event);
        const lastError = "BROKER.NACKED: no room";
        const message = deadLetterMessage({ ...letter, event: { ...event, attemptsMade: 3, lastError } });
        const { id: _, headers, ...published } = rawConverter().toMessage(event);
        expect(message).toEqual({
          ...published,
          id: expect.any(String),
          headers: {
            ...headers,
            [deadLetterHeaders.reason]: lastError,
            [deadLetterHeaders.code]: "BROKER.NACKED",
            [deadLetterHeaders.failedAt]: "2026-02-03T04:05:06.789Z",
            [deadLetterHeaders.attempts]: "3",
            [deadLetterHeaders.topic]: event.topic,
            [deadLetterHeaders.eventId]: event.id,
          },
        });
      }),
    );
  });

  it("of a received message also tells its own id, the group that failed and where it came from", () => {
    const message = deadLetterMessage(receivedLetter({ senderSeq: 7n }));
    expect(message).toMatchObject({ topic: "orders", type: "order.placed", contentType: "application/json" });
    expect(textOf(message)).toBe('{"orderId":"order-1","total":12.5}');
    expect(message.headers).toMatchObject({
      tenant: "t",
      "omni-seq": "7",
      "omni-schema-version": "1.0.0",
      "omni-format": "raw",
      [deadLetterHeaders.reason]: "the shelf is empty",
      [deadLetterHeaders.messageId]: "message-1",
      [deadLetterHeaders.consumerGroup]: "shipping",
      [deadLetterHeaders.source]: "shipping.orders",
    });
    expect(message.headers).not.toHaveProperty(deadLetterHeaders.code);
  });

  it("of a message that could not be decoded carries the bytes as they came, and its sender's id", () => {
    const body = Uint8Array.from([0, 255, 1]);
    const message = deadLetterMessage(
      receivedLetter({
        body,
        messageId: "undecodable:abc",
        headers: { "omni-message-id": "theirs", "omni-format": "envelope" },
        payload: {},
        lastError: "MESSAGE.UNDECODABLE: the message cannot be decoded: it is no JSON",
      }),
    );
    expect(message).toMatchObject({ contentType: "application/octet-stream", body });
    expect(message.headers).toMatchObject({
      "omni-format": "envelope",
      [deadLetterHeaders.code]: "MESSAGE.UNDECODABLE",
      [deadLetterHeaders.messageId]: "theirs",
    });
    expect(message.headers).not.toHaveProperty("omni-message-id");
  });

  it("has one id for one failure, and another for each other", () => {
    const letter = letterOf();
    const { id } = deadLetterMessage(letter);
    expect(deadLetterMessage({ ...letter, attemptsMade: 5 }).id).toBe(id);
    expect(deadLetterMessage({ ...letter, failedAt: new Date(failedAt.getTime() + 1) }).id).not.toBe(id);
    expect(deadLetterMessage(receivedLetter()).id).not.toBe(id);
    expect(id).not.toBe(letter.event.id);
  });

  it("tells a reason of any length as far as a header can, and never half of a character", () => {
    const reason = `${"x".repeat(limits.headerValueMaxLength - 1)}😀`;
    expect(deadLetterMessage(letterOf({ lastError: reason })).headers[deadLetterHeaders.reason]).toBe(
      "x".repeat(limits.headerValueMaxLength - 1),
    );
    expect(deadLetterMessage(letterOf({ lastError: null })).headers[deadLetterHeaders.reason]).toBe(
      "no reason is known",
    );
  });

  it("of a letter that failed itself tells what failed last", () => {
    const [event] = [receivedLetter({ headers: { [deadLetterHeaders.eventId]: "older" } })];
    expect(deadLetterMessage(event).headers[deadLetterHeaders.eventId]).toBe(event.event.id);
  });
});

describe("bareMessage", () => {
  it("keeps what says what failed and why, within what every broker can carry", () => {
    const message = deadLetterMessage(receivedLetter({ type: "é".repeat(200), correlationId: "c" }));
    const bare = bareMessage(message);
    expect(Buffer.byteLength(bare.type)).toBeLessThanOrEqual(limits.eventTypeMaxBytes);
    expect(bare.type).toMatch(/^é+$/);
    expect(bare).toMatchObject({ id: message.id, body: message.body, correlationId: null, topic: "orders" });
    expect(bare.headers).not.toHaveProperty("tenant");
    expect(bare.headers).toMatchObject({
      "omni-format": "raw",
      [deadLetterHeaders.eventId]: expect.any(String),
      [deadLetterHeaders.reason]: "the shelf is empty",
    });
  });
});
