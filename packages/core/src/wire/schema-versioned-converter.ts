import { type MessageConverter, messageOf } from "./message-converter.js";

/** For consumers that see only bodies: `{ type, schemaVersion, payload }`. */
export function schemaVersionedConverter(): MessageConverter {
  return Object.freeze<MessageConverter>({
    name: "schema-versioned",
    toMessage: (event) =>
      messageOf(event, "schema-versioned", "application/json", {
        type: event.type,
        schemaVersion: event.schemaVersion,
        payload: event.payload,
      }),
  });
}
