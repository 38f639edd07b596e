import { type EventContext, type EventContextOption, functionOption, validateOptions } from "@omni-box/core";
import { context, diag, isSpanContextValid, trace } from "@opentelemetry/api";
import { z } from "zod";
import { headersOf } from "./event-headers.js";

const options = z.strictObject({ others: functionOption<EventContextOption>("()").optional() });

/**
 * For `createOutbox({ context })`: events take the trace along in which they are added, in their headers (`traceparent`, and what else
 * the registered propagator writes) and as their trace id.
 *
 * @param others - what they take along besides, such as a correlation id; what it says wins
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when `others` is no function.
 */
export function traceContext(others?: EventContextOption): EventContextOption {
  validateOptions("traceContext", options, { others });
  return () => {
    const traced = activeTrace();
    const given = others?.();
    if (traced === undefined || given === undefined) return given ?? traced;
    return { ...traced, ...given, headers: { ...traced.headers, ...given.headers } };
  };
}

/** An event must be stored also where a propagator, which may be anybody's, throws. */
function activeTrace(): EventContext | undefined {
  try {
    const active = context.active();
    const span = trace.getSpanContext(active);
    const headers = headersOf(active);
    if (span === undefined || !isSpanContextValid(span)) return { headers };
    return { headers, traceId: span.traceId };
  } catch (error) {
    diag.error("omni-box: an event is added without its trace, since the propagator throws", error);
    return undefined;
  }
}
