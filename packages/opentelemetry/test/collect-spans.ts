import { context, propagation, type TracerProvider, trace } from "@opentelemetry/api";
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  type Sampler,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-node";

/** The real SDK, registered for the process, with the spans that have ended. */
export interface CollectedSpans {
  readonly provider: TracerProvider;
  /** In the order in which they began. */
  readonly spans: readonly ReadableSpan[];
  named(name: string): readonly ReadableSpan[];
  /** The one span of that name. */
  only(name: string): ReadableSpan;
  /** `parent > child` by names, for all spans of a trace, in the order in which they began. */
  tree(traceId: string): readonly string[];
  clear(): void;
  close(): Promise<void>;
}

export function collectSpans({ sampler }: { readonly sampler?: Sampler } = {}): CollectedSpans {
  const exporter = new InMemorySpanExporter();
  const given = sampler === undefined ? {} : { sampler };
  const provider = new NodeTracerProvider({ ...given, spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();

  const inOrder = () => [...exporter.getFinishedSpans()].sort((a, b) => startOf(a) - startOf(b));
  return {
    provider,
    get spans() {
      return inOrder();
    },
    named: (name) => inOrder().filter((span) => span.name === name),
    only(name) {
      const [span, ...others] = inOrder().filter((candidate) => candidate.name === name);
      if (span === undefined || others.length > 0)
        throw new Error(`there are ${others.length + (span === undefined ? 0 : 1)} spans named ${name}`);
      return span;
    },
    tree(traceId) {
      const ofTrace = inOrder().filter((span) => span.spanContext().traceId === traceId);
      const names = new Map(ofTrace.map((span) => [span.spanContext().spanId, span.name]));
      return ofTrace.map(({ name, parentSpanContext }) => {
        const parent = parentSpanContext === undefined ? "nothing" : (names.get(parentSpanContext.spanId) ?? "unknown");
        return `${parent} > ${name}`;
      });
    },
    clear: () => exporter.reset(),
    async close() {
      await provider.shutdown();
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}

/** Nanoseconds; spans of one test are close enough together for a number to hold them. */
function startOf({ startTime: [seconds, nanoseconds] }: ReadableSpan): number {
  return (seconds % 1_000_000) * 1e9 + nanoseconds;
}
