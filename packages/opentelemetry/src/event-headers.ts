import type { BaseEvent } from "@omni-box/core";
import { type Context, propagation, ROOT_CONTEXT, type TextMapGetter, type TextMapSetter } from "@opentelemetry/api";

/** Reads an event's headers, which may be what a stranger sent: only those that are its own. */
const getter: TextMapGetter<BaseEvent> = {
  keys: ({ headers }) => Object.keys(headers),
  get({ headers, traceId }, name) {
    if (Object.hasOwn(headers, name)) return headers[name];
    // Producers without a tracing SDK, and CloudEvents, may have the whole of it as the trace id.
    return name === "traceparent" ? (traceId ?? undefined) : undefined;
  },
};

const setter: TextMapSetter<Record<string, string>> = {
  set(headers, name, value) {
    headers[name] = value;
  },
};

/** The context that an event brings along, and nothing of the one that is active here: a worker's loop is part of no request. */
export function contextOf(event: BaseEvent): Context {
  return propagation.extract(ROOT_CONTEXT, event, getter);
}

/** The headers that take a context along, in the formats of the registered propagator. */
export function headersOf(context: Context): Record<string, string> {
  const headers: Record<string, string> = {};
  propagation.inject(context, headers, setter);
  return headers;
}
