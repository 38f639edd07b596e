import type { JsonObject } from "./json.js";
import type { BaseEvent } from "./outbox-event.js";

/** A payload as the store gave it, and what it was parsed to when somebody read it. */
interface KeptPayload {
  readonly text: string;
  value: JsonObject | null;
}

/** Registered, so that the events of one copy of this package are known to another. */
const kept = Symbol.for("omni-box.payload");

interface WithKeptPayload {
  readonly [kept]?: KeptPayload;
}

/** Stores put spaces into JSON. Above this many characters they are taken out: a payload may be as large as the largest message. */
const spacedMaxLength = 65_536;

/** One for all events, so that all have the same hidden class; of the object's own, so that copies of the event have it. */
const parsedOnDemand: PropertyDescriptor = Object.freeze({
  enumerable: true,
  get(this: Required<WithKeptPayload>): JsonObject {
    const payload = this[kept];
    payload.value ??= Object.freeze(JSON.parse(payload.text) as JsonObject);
    return payload.value;
  },
});

/**
 * Makes an event of its fields and its payload as JSON text, for stores. The text is parsed when somebody reads `payload`, and
 * frozen then; a relay whose steps and converter do not read it never parses it.
 *
 * @param fields - becomes the event, and is frozen
 * @param payloadText - a JSON object
 */
export function withPayloadText<E extends BaseEvent>(fields: Omit<E, "payload">, payloadText: string): E {
  const payload: KeptPayload = { text: payloadText, value: null };
  Object.defineProperty(fields, kept, { value: payload });
  Object.defineProperty(fields, "payload", parsedOnDemand);
  return Object.freeze(fields) as E;
}

/** The payload of an event as JSON text, for converters: as the store gave it, if it did and nobody has read `payload`. */
export function payloadText(event: BaseEvent): string {
  // What only inherits from the event may have another payload.
  const payload = Object.hasOwn(event, kept) ? (event as BaseEvent & WithKeptPayload)[kept] : undefined;
  const isAsStored = payload !== undefined && payload.value === null && payload.text.length <= spacedMaxLength;
  return isAsStored ? payload.text : JSON.stringify(event.payload);
}
