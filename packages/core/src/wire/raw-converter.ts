import { type MessageConverter, messageOf } from "./message-converter.js";

/** The default format: the body is the payload, everything else is in properties and headers. */
export function rawConverter(): MessageConverter {
  return Object.freeze<MessageConverter>({
    name: "raw",
    toMessage: (event) => messageOf(event, "raw", "application/json", event.payload),
  });
}
