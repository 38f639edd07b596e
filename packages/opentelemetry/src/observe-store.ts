import {
  type BaseEvent,
  type Clock,
  consoleLogger,
  type EventAdministration,
  type EventStatistics,
  type Logger,
  limits,
  milliseconds,
  objectWith,
  systemClock,
  validateOptions,
} from "@omni-box/core";
import type { Attributes, Meter } from "@opentelemetry/api";
import { z } from "zod";
import { openTelemetryDefaults } from "./defaults.js";
import { gaugeLabels, storeGauges } from "./gauge-definitions.js";
import { defaultMeter } from "./instrumentation-scope.js";
import { createLatestStatistics } from "./latest-statistics.js";
import { attributeNames } from "./messaging-attributes.js";
import { type Observe, observeGauges, type StopObserving } from "./observe-gauges.js";

/** Options of {@link observeStore}. */
export interface ObserveStoreOptions {
  /** Of the outbox, or of an inbox. */
  readonly administration: Pick<EventAdministration<BaseEvent>, "statistics">;
  /** What the label `omni_box.store` says. */
  readonly store: "outbox" | "inbox";
  /** Of an inbox: only its events; default all. */
  readonly consumerGroup?: string | undefined;
  /** How long numbers are exported again before the database is asked anew; default 15,000 ms. */
  readonly cacheMs?: number | undefined;
  /** How long an export waits for the database; default 2,000 ms. */
  readonly timeoutMs?: number | undefined;
  /** Counts stop here; default 100,000. */
  readonly countLimit?: number | undefined;
  /** Default: that of the SDK which is registered by now. */
  readonly meter?: Meter | undefined;
  /** A pino logger, or anything like it; default: warnings and errors on stderr. */
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
}

const observeStoreOptions = z.strictObject({
  administration: objectWith<ObserveStoreOptions["administration"]>("an event administration", "statistics"),
  store: z.enum(["outbox", "inbox"]),
  consumerGroup: z.string().min(1).max(limits.consumerGroupMaxLength).optional(),
  cacheMs: milliseconds(0).default(openTelemetryDefaults.statisticsCacheMs),
  timeoutMs: milliseconds(1).default(openTelemetryDefaults.statisticsTimeoutMs),
  countLimit: z.int().min(1).max(10_000_000).default(openTelemetryDefaults.statisticsCountLimit),
  meter: objectWith<Meter>("a meter", "createObservableGauge", "addBatchObservableCallback").optional(),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error").default(consoleLogger),
  clock: objectWith<Clock>("a clock", "monotonicMs", "schedule").default(systemClock),
});

/**
 * Exports how much there is in a table: pending, failed, the oldest pending event's age, blocked keys. One process of a service is
 * enough, since all would tell the same.
 *
 * A database that does not answer costs an export `timeoutMs` and these numbers, and nothing else.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function observeStore(options: ObserveStoreOptions): StopObserving {
  const checked = validateOptions("observeStore", observeStoreOptions, options);
  const { store, consumerGroup, cacheMs, timeoutMs, countLimit, clock, logger, meter = defaultMeter() } = checked;
  const { administration } = options;
  const query = consumerGroup === undefined ? { countLimit } : { countLimit, consumerGroup };
  const latest = createLatestStatistics({
    store,
    read: () => administration.statistics(query),
    cacheMs,
    timeoutMs,
    clock,
    logger,
  });
  const attributes: Attributes = { [gaugeLabels.store]: store };
  if (consumerGroup !== undefined) attributes[attributeNames.consumerGroup] = consumerGroup;
  return observeGauges(meter, storeGauges, async (observe) => {
    const statistics = await latest();
    observe("up", statistics === null ? 0 : 1, attributes);
    if (statistics !== null) observeStatistics(statistics, observe, attributes);
  });
}

function observeStatistics(
  statistics: EventStatistics,
  observe: Observe<keyof typeof storeGauges>,
  attributes: Attributes,
): void {
  observe("pending", statistics.pending, attributes);
  observe("failed", statistics.failed, attributes);
  observe("awaitingDeadLetter", statistics.awaitingDeadLetter, attributes);
  observe("oldestPendingAge", (statistics.oldestPendingMs ?? 0) / 1_000, attributes);
  observe("blockedKeys", statistics.blockedKeys, attributes);
  observe("expiredLeases", statistics.expiredLeases, attributes);
  observe("unownedBuckets", statistics.unownedBuckets, attributes);
}
