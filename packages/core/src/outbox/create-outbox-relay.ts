import { describeFailure } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import type { OutboxEvent } from "../events/outbox-event.js";
import { createProcessorBuilder } from "../processor/create-processor-builder.js";
import { createFailureNotices } from "../processor/failure-notices.js";
import { stepHealth } from "../processor/step-health.js";
import { warnOfBucketOwners } from "../processor/warn-of-bucket-owners.js";
import { workerHealth } from "../processor/worker-health.js";
import { defaultWorkerId } from "../processor/worker-id.js";
import { createWorkerLifecycle } from "../processor/worker-lifecycle.js";
import type { WorkerHealth, WorkerState, WorkerStopReport } from "../processor/worker-state.js";
import type { StopListening } from "../protocols/wake-up.js";
import { listenForWakeUps } from "./listen-for-wake-ups.js";
import { publishWith } from "./publish-with.js";
import { putOff } from "./put-off.js";
import { createRelayCounters, type RelayMetricsSnapshot } from "./relay-counters.js";
import { createRelayLoop, type RelayRun } from "./relay-loop.js";
import { type OutboxRelayOptions, type ResolvedRelayOptions, resolveRelayOptions } from "./relay-options.js";

/** Where a relay is in its life. */
export type RelayState = WorkerState;

/** Whether the relay does its work, for a health endpoint. */
export interface RelayHealth extends WorkerHealth {
  /**
   * Partition keys of the relay's own buckets that stand still behind a failed event, as far as it has seen; nothing is asked of the
   * database. They need a person, not a restart, so they do not change the status. Left out with other strategies than
   * `ownedBuckets()`, and while nothing is owned.
   */
  readonly blockedKeys?: number;
  /** Buckets that the relay owns. Left out where `blockedKeys` is. */
  readonly ownedBuckets?: number;
}

/** What `stop()` left behind. Abandoned events may be published twice. */
export type RelayStopReport = WorkerStopReport;

/** The long-running worker that moves outbox events to a broker. */
export interface OutboxRelay extends AsyncDisposable {
  readonly state: RelayState;

  /**
   * Checks the store and the broker's topology, then begins to relay. Idempotent; may be called again after `stop()`.
   *
   * An unreachable broker does not make it fail: events wait. When it rejects nothing is running.
   *
   * @throws {OmniBoxError} CONFIG.STORE_NOT_READY when tables, migrations or rights are missing; lists all problems, the broker's too.
   * @throws {OmniBoxError} CONFIG.TOPOLOGY_MISMATCH when the broker answers but lacks what the publisher needs.
   * @throws {OmniBoxError} STORE.UNREACHABLE when the database does not answer.
   */
  start(): Promise<void>;

  /**
   * Stops claiming, waits up to `stopTimeoutMs` for confirms and their outcomes, releases what was not begun, closes the publisher.
   * When that time is over, outcomes that are being recorded get 5,000 ms more.
   *
   * Idempotent: a second call returns the first one's promise. Never rejects over work in flight; see the report. Calls of
   * `start` and `stop` that overlap are carried out one after the other, so that the last one decides.
   */
  stop(): Promise<RelayStopReport>;

  /** Cuts the current pause short, for example after a commit in the same process. Costs nothing while the relay is busy. */
  nudge(): void;

  /**
   * Resolves when nothing is due and nothing is in work any more: two polls in a row found nothing. During an outage it
   * waits for its end; it resolves at once when the relay does not run, and when it is stopped.
   */
  drain(): Promise<void>;

  health(): RelayHealth;

  /** Counters since the relay was created. */
  metrics(): RelayMetricsSnapshot;
}

/**
 * Creates a relay; it does nothing before `start()`. Any number of them may run over one table.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 * @throws {OmniBoxError} CONFIG.UNSUPPORTED_CAPABILITY when a strategy needs what the repository cannot do.
 */
export function createOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  const resolved = resolveRelayOptions(options);
  const { repository, publisher, fetch, commit, steps, converter, retry, publishTimeoutMs, clock, logger } = resolved;
  const builder = createProcessorBuilder(repository)
    .fetch(fetch)
    .use(...(steps.length > 0 ? [putOff, ...steps] : []))
    .handle(publishWith(publisher, { timeoutMs: publishTimeoutMs, takeoverGraceMs: fetch.takeoverGraceMs, converter }))
    .retry(retry)
    .clock(clock)
    .logger(logger);
  const processor = (commit === undefined ? builder : builder.commit(commit)).build();
  const counters = createRelayCounters(resolved.metrics, clock, logger);
  const notices = createFailureNotices<OutboxEvent>(options, logger);
  const workerId = resolved.workerId ?? defaultWorkerId();

  let run: RelayRun | null = null;
  let stopListening: StopListening = async () => undefined;
  const nudge = () => run?.loop.nudge();

  const lifecycle = createWorkerLifecycle({
    async begin() {
      try {
        await assertReady(resolved);
      } catch (error) {
        await publisher.stop({ timeoutMs: 0 }).catch((stopError: unknown) => {
          const fields = { ...describeFailure(stopError) };
          logger.warn(fields, "the publisher could not be stopped after the start had failed");
        });
        throw error;
      }
      await warnOfBucketOwners({
        buckets: repository.buckets,
        fetch,
        of: "this table",
        meanwhile: "events are published twice and keys lose their order",
        logger,
      });
      run = createRelayLoop({ processor, counters, notices, options: resolved, workerId });
      run.loop.begin();
      stopListening = listenForWakeUps({ wakeUp: resolved.wakeUp, onWake: nudge, clock, logger });
      logger.info({ workerId }, "the outbox relay is running");
    },
    async end() {
      try {
        const startedAt = clock.monotonicMs();
        const silent = stopListening();
        const abandoned = (await run?.loop.end(resolved.stopTimeoutMs)) ?? 0;
        await silent;
        const left = Math.max(0, resolved.stopTimeoutMs - (clock.monotonicMs() - startedAt));
        await publisher.stop({ timeoutMs: left });
        logger.info({ workerId, abandoned }, "the outbox relay has stopped");
        return { clean: abandoned === 0, abandoned };
      } finally {
        run = null;
      }
    },
  });

  function health(): RelayHealth {
    const reasons = [...publisher.health().reasons, ...stepHealth(steps)];
    const outage = run?.broker.failure ?? null;
    if (outage !== null) reasons.push(`the broker does not answer: ${outage.message}`);
    const condition = run === null ? undefined : processor.condition(workerId);
    if (condition?.failure) {
      reasons.push(`the database, asked about buckets, does not answer: ${condition.failure.message}`);
    }
    const { stallAfterMs } = resolved;
    const loop = run?.loop ?? null;
    const worker = workerHealth({ name: "the relay", state: lifecycle.state, loop, reasons, stallAfterMs });
    if (condition === undefined) return worker;
    const { blockedKeys, ownedBuckets } = condition;
    return { ...worker, blockedKeys, ownedBuckets };
  }

  return Object.freeze({
    get state() {
      return lifecycle.state;
    },
    start: lifecycle.start,
    stop: lifecycle.stop,
    nudge,
    drain: async () => run?.loop.drained(),
    health,
    metrics: () => counters.snapshot(),
    async [Symbol.asyncDispose]() {
      await lifecycle.stop();
    },
  });
}

async function assertReady({ repository, publisher }: ResolvedRelayOptions): Promise<void> {
  const problems = [...(await repository.verify())];
  const brokerError: unknown = await publisher.start().then(
    () => null,
    (error: unknown) => error,
  );
  if (problems.length === 0) {
    if (brokerError !== null) throw brokerError;
    return;
  }
  if (brokerError !== null) problems.push(describeFailure(brokerError).message);
  throw new OmniBoxError("CONFIG.STORE_NOT_READY", `the relay cannot start: ${problems.join("; ")}`, {
    meta: { problems },
  });
}
