import { type Meter, metrics, type Tracer, trace } from "@opentelemetry/api";

/** The name under which everything here is reported. */
export const scopeName = "@omni-box/opentelemetry";

/** The tracer of the SDK that is, or will be, registered. */
export function defaultTracer(): Tracer {
  return trace.getTracer(scopeName);
}

/** The meter of the SDK that is registered by now: unlike a tracer, it does not learn of one that comes later. */
export function defaultMeter(): Meter {
  return metrics.getMeter(scopeName);
}
