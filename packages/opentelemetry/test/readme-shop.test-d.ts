import type { EventPublisher, OutboxEventRepository } from "@omni-box/core";
import type { PrismaClient } from "./generated/client.js";
import { OrderPlaced, ShipmentPrepared } from "./tracing-scene.js";

declare const repository: OutboxEventRepository<object>;
declare const publisher: EventPublisher;
declare const toDeadLetters: EventPublisher;
declare const prisma: PrismaClient;
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
import { createPrismaOutboxAdministration } from "@omni-box/prisma";

observeStore({ administration: createPrismaOutboxAdministration(prisma), store: "outbox" });

// #endregion store

// #region upkeep
import { createDeadLetterPublisher, createMaintenance } from "@omni-box/core";
import { createDeadLetterMetrics, createMaintenanceMetrics } from "@omni-box/opentelemetry";

const administration = createPrismaOutboxAdministration(prisma);

export const letters = createDeadLetterPublisher({
  administration,
  publisher: toDeadLetters,
  metrics: createDeadLetterMetrics({ store: "outbox" }),
});
export const maintenance = createMaintenance({ outbox: { administration }, metrics: createMaintenanceMetrics() });

// #endregion upkeep

// #region breaker
import { circuitBreaker } from "@omni-box/core";
import { observeBreaker } from "@omni-box/opentelemetry";

export const breaker = circuitBreaker();
observeBreaker({ breaker, name: "broker" });

// #endregion breaker

// #region correlation
export const correlated = createOutbox({
  repository,
  context: traceContext(() => ({ correlationId: requestId() })),
});

// #endregion correlation
