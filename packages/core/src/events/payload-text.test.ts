import { describe, expect, it } from "vitest";
import { sampleDraft, storeEvents } from "../../test/sample-events.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryOutboxRepository } from "../testing/memory-outbox-repository.js";
import type { OutboxEvent } from "./outbox-event.js";
import { payloadText, withPayloadText } from "./payload-text.js";

const payload = { customer: "Ada", lines: [{ price: 1.5 }] };
const spaced = '{"customer": "Ada", "lines": [{"price": 1.5}]}';
const repository = createMemoryOutboxRepository({ clock: createManualClock(0) });
const [plain] = (await storeEvents(repository, [sampleDraft({ payload })])) as [OutboxEvent];

function eventOf(text: string): OutboxEvent {
  const { payload: _parsed, ...fields } = plain;
  return withPayloadText<OutboxEvent>(fields, text);
}

describe("an event with its payload as text", () => {
  it("is like one with a parsed payload", () => {
    const event = eventOf(spaced);

    expect(event).toEqual(plain);
    expect(plain).toEqual(event);
    expect(Object.keys(event).sort()).toEqual(Object.keys(plain).sort());
    expect({ ...event }).toEqual({ ...plain });
    expect(structuredClone(event)).toEqual(structuredClone(plain));
    expect(Object.create(event).payload).toEqual(payload);
    expect(new Proxy(event, {}).payload).toEqual(payload);
  });

  it("is frozen with its payload, which is the same each time", () => {
    const event = eventOf(spaced);

    expect(Object.isFrozen(event)).toBe(true);
    expect(Object.isFrozen(event.payload)).toBe(true);
    expect(event.payload).toBe(event.payload);
    expect(() => Object.assign(event, { payload: {} })).toThrow(TypeError);
  });

  it("is not parsed before somebody reads it", () => {
    const event = eventOf("no JSON");

    expect(payloadText(event)).toBe("no JSON");
    expect(() => event.payload).toThrow(SyntaxError);
  });
});

describe("the text of a payload", () => {
  it("is as it was stored while nobody has read the payload", () => {
    expect(payloadText(eventOf(spaced))).toBe(spaced);
  });

  it("is made anew once somebody has, and may have changed something in it", () => {
    const event = eventOf(spaced);
    Object.assign(event.payload.lines as object, { 0: { price: 2 } });

    expect(payloadText(event)).toBe('{"customer":"Ada","lines":[{"price":2}]}');
  });

  it("is made of a payload that came parsed, and of a changed copy's", () => {
    expect(payloadText(plain)).toBe(JSON.stringify(payload));
    expect(payloadText({ ...eventOf(spaced), payload: { other: 1 } })).toBe('{"other":1}');
    expect(payloadText(Object.create(eventOf(spaced), { payload: { value: { other: 1 } } }))).toBe('{"other":1}');
  });

  it("has no spaces that would make it larger than a message may be", () => {
    const numbers = Array.from({ length: 40_000 }, () => 1);
    const text = JSON.stringify({ numbers });

    expect(payloadText(eventOf(text.replaceAll(",", ", ")))).toBe(text);
  });
});
