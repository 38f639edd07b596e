import type { BaseEvent, EventAdministration, EventPublisher, OutboxEventRepository } from "@omni-box/core";
import { OrderPlaced, ShipmentPrepared } from "./tracing-scene.js";

declare const repository: OutboxEventRepository<object>;
declare const publisher: EventPublisher;
declare const administration: EventAdministration<BaseEvent>;
declare const requestId: () => string;

// #region sdk
import { metrics } from "@opentelemetry/api";
import { PrometheusExporter } from "@opentelemetry/exporter-prometheus";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, ConsoleSpanExporter, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new ConsoleSpanExporter())] }).register();
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [new PrometheusExporter({ port: 9464 })] }));

// #endregion sdk

// #region produce
import { createOutbox } from "@omni-box/core";
import { traceContext } from "@omni-box/opentelemetry";

export const outbox = createOutbox({ repository, context: traceContext() });

// #endregion produce

// #region relay
import { createOutboxRelay } from "@omni-box/core";
import { createRelayMetrics, observeWorker, tracedMessages, tracing } from "@omni-box/opentelemetry";

export const relay = createOutboxRelay({
  repository,
  publisher,
  steps: [tracing()],
  converter: tracedMessages(),
  metrics: createRelayMetrics({ eventTypes: [OrderPlaced, ShipmentPrepared] }),
});
observeWorker({ worker: relay, name: "relay" });

// #endregion relay

// #region store
import { observeStore } from "@omni-box/opentelemetry";

observeStore({ administration, store: "outbox" });

// #endregion store

// #region correlation
export const correlated = createOutbox({
  repository,
  context: traceContext(() => ({ correlationId: requestId() })),
});

// #endregion correlation
