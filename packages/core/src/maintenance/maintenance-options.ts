import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { functionOption, milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import type { InboxEvent } from "../events/inbox-event.js";
import type { BaseEvent, OutboxEvent } from "../events/outbox-event.js";
import { cautiousLogger } from "../internal/cautious-logger.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { DistributedLock } from "../protocols/distributed-lock.js";
import type { EventAdministration, EventStatistics } from "../protocols/event-administration.js";
import { consoleLogger, type Logger } from "../protocols/logger.js";
import type { MaintenanceMetricsRecorder } from "./maintenance-counters.js";
import type { MaintainedStoreName } from "./maintenance-report.js";
import { type RequeueRule, requeueRule } from "./requeue-rule.js";

/** How one store is maintained. */
export interface MaintainedStore<E extends BaseEvent> {
  readonly administration: EventAdministration<E>;
  /**
   * Completed events are removed after so many days, parts of days allowed; `null`: never. Default 1 in an outbox, 7 in an inbox, where
   * it is the dedupe window: a message that is delivered again after it is handled again.
   */
  readonly keepCompletedDays?: number | null | undefined;
  /** Failed events are removed after so many days, and their keys then go on; default `null`: never. */
  readonly keepFailedDays?: number | null | undefined;
  /** Removes no failed event whose dead letter is not published, however old it is; default `false`. For stores with a dead-letter publisher. */
  readonly keepUntilDeadLettered?: boolean | undefined;
  /** Failed events that are requeued without a person; default: none. */
  readonly requeue?: readonly RequeueRule[] | undefined;
}

/** What is in the stores. */
export type MaintenanceStatistics = Readonly<Partial<Record<MaintainedStoreName, EventStatistics>>>;

/** Options of `createMaintenance`. */
export interface MaintenanceOptions {
  /** At least one of `outbox` and `inbox`. */
  readonly outbox?: MaintainedStore<OutboxEvent> | undefined;
  readonly inbox?: MaintainedStore<InboxEvent> | undefined;
  /** Lets one instance do the work for all; default: each does it, which costs more and does no harm. Needs `lockKey`. */
  readonly lock?: DistributedLock | undefined;
  /** What is locked: the same for all instances of a service, and another one for each database. */
  readonly lockKey?: string | undefined;
  /** From the end of a run to the next, a tenth more or less by chance; default 60,000 ms, at least 1,000 ms. */
  readonly everyMs?: number | undefined;
  /** Rows at most that one statement changes, 1 to 10,000; default 1,000. */
  readonly batchSize?: number | undefined;
  /** Pause between two rounds of such statements; default 50 ms. */
  readonly batchPauseMs?: number | undefined;
  /** Given what is in the stores, at the beginning of each run that this instance does. */
  readonly onStatistics?: ((statistics: MaintenanceStatistics) => void) | undefined;
  /** How long `stop()` waits for a statement in work; default 15,000 ms. */
  readonly stopTimeoutMs?: number | undefined;
  /** A run in which nothing moves for this long makes `health()` unhealthy; default 60,000 ms. More than 10,000 ms. */
  readonly stallAfterMs?: number | undefined;
  /** A pino logger, or anything like it; default: warnings and errors on stderr. */
  readonly logger?: Logger | undefined;
  /** Also receives what the maintenance counts. */
  readonly metrics?: MaintenanceMetricsRecorder | undefined;
  readonly clock?: Clock | undefined;
}

const days = z
  .number()
  .positive()
  .max(limits.ageMaxMs / 86_400_000)
  .nullable();

const storeOptions = (keepCompletedDays: number) =>
  z.strictObject({
    administration: objectWith<EventAdministration<BaseEvent>>(
      "an event administration",
      "list",
      "requeue",
      "removeOld",
      "releaseExpiredLeases",
      "statistics",
    ),
    keepCompletedDays: days.default(keepCompletedDays),
    keepFailedDays: days.default(null),
    keepUntilDeadLettered: z.boolean().default(false),
    requeue: z.array(requeueRule).default([]),
  });

const maintenanceOptions = z.strictObject({
  outbox: storeOptions(defaults.keepCompletedOutboxDays).optional(),
  inbox: storeOptions(defaults.keepCompletedInboxDays).optional(),
  lock: objectWith<DistributedLock>("a distributed lock", "acquire").optional(),
  lockKey: z.string().min(1).max(limits.lockKeyMaxLength).optional(),
  everyMs: milliseconds(1_000).default(defaults.maintenanceEveryMs),
  batchSize: z.int().min(1).max(limits.batchSizeMax).default(defaults.maintenanceBatchSize),
  batchPauseMs: milliseconds(0).default(defaults.maintenanceBatchPauseMs),
  onStatistics: functionOption<(statistics: MaintenanceStatistics) => void>("(statistics)").default(() => () => {}),
  stopTimeoutMs: milliseconds(0).default(defaults.stopTimeoutMs),
  stallAfterMs: milliseconds(1).default(defaults.stallAfterMs),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error")
    .default(consoleLogger)
    .transform(cautiousLogger),
  metrics: objectWith<MaintenanceMetricsRecorder>("a metrics recorder", "add", "record").optional(),
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
});

/** The options with their defaults filled in. */
export type ResolvedMaintenanceOptions = z.output<typeof maintenanceOptions>;

/**
 * Checks the options by themselves and against each other.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function resolveMaintenanceOptions(options: MaintenanceOptions): ResolvedMaintenanceOptions {
  return validateOptions("createMaintenance", maintenanceOptions, options, (valid) => [
    ...(options?.outbox === undefined && options?.inbox === undefined ? ["needs outbox, inbox or both"] : []),
    ...(valid.lock !== undefined && valid.lockKey === undefined
      ? ["lockKey: needed with lock: the same for all instances of a service, and another one for each database"]
      : []),
    ...((valid.stallAfterMs ?? Number.NaN) <= defaults.outageMaxMs
      ? [
          `stallAfterMs (${valid.stallAfterMs}) must be more than the longest pause of an outage (${defaults.outageMaxMs})`,
        ]
      : []),
  ]);
}
