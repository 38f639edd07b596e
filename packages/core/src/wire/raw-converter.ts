import { payloadText } from "../events/payload-text.js";
import { type MessageConverter, messageWithText } from "./message-converter.js";

/** The default format: the body is the payload, everything else is in properties and headers. */
export function rawConverter(): MessageConverter {
  return Object.freeze<MessageConverter>({
    name: "raw",
    toMessage: (event) => messageWithText(event, "raw", "application/json", payloadText(event)),
  });
}
