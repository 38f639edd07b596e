import { type BaseEvent, describeFailure, type Outcome, objectWith, type Step, validateOptions } from "@omni-box/core";
import {
  type Context,
  context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { z } from "zod";
import { openTelemetryDefaults } from "./defaults.js";
import { contextOf } from "./event-headers.js";
import { defaultTracer } from "./instrumentation-scope.js";
import { attributeNames, isInboxEvent, messagingAttributes } from "./messaging-attributes.js";

/** Options of {@link tracing}. */
export interface TracingOptions {
  /** The messaging system that spans name; default `rabbitmq`. */
  readonly system?: string | undefined;
  /**
   * What a received event's trace is to its span: `continue` (default) makes the span part of it; `link` begins a trace of its own with a
   * link to it, and takes nothing else from the message, for messages of senders that one does not trust.
   */
  readonly received?: "continue" | "link" | undefined;
  /** Default: that of the registered SDK. */
  readonly tracer?: Tracer | undefined;
}

const tracingOptions = z.strictObject({
  system: z.string().min(1).max(255).default(openTelemetryDefaults.messagingSystem),
  received: z.enum(["continue", "link"]).default("continue"),
  tracer: objectWith<Tracer>("a tracer", "startSpan").optional(),
});

/** A span, and the context in which it is the active one. */
interface ActiveSpan {
  readonly span: Span;
  readonly active: Context;
}

/**
 * A step for relays and inboxes alike: a span around the publishing of each event, or around its handling, in which handlers run.
 *
 * An event's span is part of the trace that its headers name. Put it first, so that it sees what the other steps make of an event.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function tracing(options: TracingOptions = {}): Step<BaseEvent> {
  const checked = validateOptions("tracing", tracingOptions, options);
  const { system, received, tracer = defaultTracer() } = checked;
  let hasFailed = false;

  function begin(event: BaseEvent): ActiveSpan {
    const isReceived = isInboxEvent(event);
    const given = contextOf(event);
    const sender = received === "link" && isReceived ? trace.getSpanContext(given) : undefined;
    const isLinked = received === "link" && isReceived;
    const parent = isLinked ? ROOT_CONTEXT : given;
    const span = tracer.startSpan(
      `${isReceived ? "process" : "publish"} ${event.topic}`,
      {
        kind: isReceived ? SpanKind.CONSUMER : SpanKind.PRODUCER,
        attributes: messagingAttributes(event, system),
        links: sender === undefined ? [] : [{ context: sender }],
      },
      parent,
    );
    return { span, active: trace.setSpan(parent, span) };
  }

  // Named, since its name stands in error messages.
  return async function tracing(event, { logger }, next) {
    /** What the SDK, a sampler or a propagator throws must not decide about an event. */
    const cautiously = <T>(telemetry: () => T): T | null => {
      try {
        return telemetry();
      } catch (error) {
        if (!hasFailed) logger.error({ ...describeFailure(error) }, "tracing throws; its spans are incomplete");
        hasFailed = true;
        return null;
      }
    };
    const begun = cautiously(() => begin(event));
    if (begun === null) return next();
    const outcome = await context.with(begun.active, next);
    cautiously(() => end(begun.span, outcome));
    return outcome;
  };
}

function end(span: Span, outcome: Outcome): void {
  span.setAttribute(attributeNames.outcome, outcome.kind);
  if (outcome.kind === "retry" || outcome.kind === "defer" || outcome.kind === "failed") {
    const { code, message } = outcome.failure;
    span.setAttribute(attributeNames.errorType, code);
    // Sanitised where the outcome was made, as for logs and `last_error`.
    span.setStatus({ code: SpanStatusCode.ERROR, message });
  }
  span.end();
}
