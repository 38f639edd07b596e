import { type MessageConverter, objectWith, rawConverter, validateOptions } from "@omni-box/core";
import { context, diag, trace } from "@opentelemetry/api";
import { z } from "zod";
import { headersOf } from "./event-headers.js";

const options = z.strictObject({ converter: objectWith<MessageConverter>("a message converter", "toMessage") });

/**
 * For `createOutboxRelay({ converter })`: the headers of a message say that its publication is the parent of what consumers do with
 * it. Without it that is the caller who added the event; it is one trace in both cases.
 *
 * The event stays what it is. So with `envelopeConverter`, whose body has all headers of the event, consumers go on from the caller.
 *
 * @param converter - the wire format; default `rawConverter()`
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when `converter` is none.
 */
export function tracedMessages(converter: MessageConverter = rawConverter()): MessageConverter {
  validateOptions("tracedMessages", options, { converter });
  return Object.freeze<MessageConverter>({
    name: converter.name,
    toMessage(event) {
      const message = converter.toMessage(event);
      const headers = activeHeaders();
      return headers === null ? message : { ...message, headers: { ...message.headers, ...headers } };
    },
  });
}

/** `null` outside of a span: what the event brought along must not be replaced by nothing. */
function activeHeaders(): Record<string, string> | null {
  try {
    const active = context.active();
    return trace.getSpanContext(active) === undefined ? null : headersOf(active);
  } catch (error) {
    diag.error("omni-box: a message is published with the trace of its event, since the propagator throws", error);
    return null;
  }
}
