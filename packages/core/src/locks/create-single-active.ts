import { z } from "zod";
import { defaults, limits } from "../defaults.js";
import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { milliseconds, objectWith, validateOptions } from "../errors/validate-options.js";
import { cautiousLogger } from "../internal/cautious-logger.js";
import { joinSignals } from "../internal/join-signals.js";
import { aborted, waitOrAbort } from "../internal/wait-or-abort.js";
import { createWorkerLifecycle } from "../processor/worker-lifecycle.js";
import type { WorkerHealth } from "../processor/worker-state.js";
import { type Clock, systemClock } from "../protocols/clock.js";
import type { DistributedLock, HeldLock } from "../protocols/distributed-lock.js";
import { consoleLogger, type Logger } from "../protocols/logger.js";
import { createOutageGate } from "../resilience/outage-gate.js";

/** What a single-active worker runs in one process at a time: a relay, an inbox consumer, or anything else with these two. */
export interface SingleActiveWorker {
  /** Called again after each `stop()`. */
  start(): Promise<unknown>;
  /** Idempotent. Also called while `start()` is under way, when the lock is lost then. */
  stop(): Promise<unknown>;
}

/** Options of {@link createSingleActive}. */
export interface SingleActiveOptions {
  readonly lock: DistributedLock;
  /** Names the work among all that use the lock, in the log too; 1 to 255 characters. */
  readonly key: string;
  readonly worker: SingleActiveWorker;
  /** How long nobody leads after the leader was killed, at most; default 10,000 ms. */
  readonly ttlMs?: number | undefined;
  /** How often a standby tries to lead: after half of it to all of it, at random; default 1,000 ms. */
  readonly retryMs?: number | undefined;
  /** Default: warnings and errors on stderr. */
  readonly logger?: Logger | undefined;
  readonly clock?: Clock | undefined;
}

/** Whether a single-active worker does its part, for a health endpoint. A standby that waits for its turn is healthy. */
export interface SingleActiveHealth extends WorkerHealth {
  readonly isLeading: boolean;
}

/** A worker that runs in one of several processes, and in another one when that is gone. */
export interface SingleActive extends AsyncDisposable {
  /** Whether this process leads, as far as it can know. */
  readonly isLeading: boolean;
  /** Begins to try, in the background. Idempotent; may be called again after `stop()`. */
  start(): Promise<void>;
  /** Stops the worker if it runs, then gives the lock up, so that another process leads at once. Idempotent; never rejects. */
  stop(): Promise<void>;
  health(): SingleActiveHealth;
}

const singleActiveOptions = z.strictObject({
  lock: objectWith<DistributedLock>("a distributed lock", "acquire", "withLock"),
  key: z.string().min(1).max(limits.lockKeyMaxLength),
  worker: objectWith<SingleActiveWorker>("a worker", "start", "stop"),
  ttlMs: milliseconds(limits.lockTtlMinMs).default(defaults.lockTtlMs),
  retryMs: milliseconds(1).default(defaults.standbyRetryMs),
  logger: objectWith<Logger>("a logger", "debug", "info", "warn", "error")
    .default(consoleLogger)
    .transform(cautiousLogger),
  clock: objectWith<Clock>("a clock", "now", "monotonicMs", "schedule").default(systemClock),
});

/**
 * Elects a leader among the processes that use the same lock and key, and runs the worker in the leader alone.
 *
 * The worker is started when the lock is had, and stopped as soon as the lock is lost, or can no longer be known to be held: then this
 * process tries again like all others. While the lock's store does not answer nobody begins to lead. A start that fails gives
 * the lock up for another process to try.
 *
 * Two may lead for a while: a paused leader, a store that forgets. So only for workers to whom that does no harm, as to all of
 * omni-box's; for others the lock makes it rare and no more.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function createSingleActive(options: SingleActiveOptions): SingleActive {
  const valid = validateOptions("createSingleActive", singleActiveOptions, options);
  const { lock, key, worker, ttlMs, retryMs, logger, clock } = valid;
  const store = createOutageGate("the store of the locks", logger);
  let leading: HeldLock | null = null;
  let failure: FailureDescription | null = null;
  let run: { readonly stopping: AbortController; readonly ended: Promise<void> } | null = null;

  async function tryToLead(stopping: AbortSignal): Promise<HeldLock | null> {
    try {
      const held = await lock.acquire(key, { ttlMs, signal: stopping });
      store.succeeded();
      return held;
    } catch (error) {
      store.failed(describeFailure(error));
      return null;
    }
  }

  async function lead(held: HeldLock, stopping: AbortSignal): Promise<void> {
    if (stopping.aborted) return held.release();
    const ended = joinSignals(held.signal, stopping);
    leading = held;
    logger.info({ key, fencingNumber: held.fencingNumber }, "this process leads");
    try {
      // A start that takes long must not keep a process from stepping down.
      await Promise.race([startWorker(), aborted(ended.signal)]);
      if (failure === null) await aborted(ended.signal);
    } finally {
      leading = null;
      ended.release();
      await stopWorker();
      await held.release();
      logger.info({ key }, "this process leads no more");
    }
  }

  async function startWorker(): Promise<void> {
    try {
      await worker.start();
      failure = null;
    } catch (error) {
      // Once, and not at every try.
      const say = failure === null ? logger.error : logger.debug;
      failure = describeFailure(error);
      say({ key, error: failure }, "the worker could not be started; another process may try");
    }
  }

  async function stopWorker(): Promise<void> {
    try {
      await worker.stop();
    } catch (error) {
      logger.error({ key, error: describeFailure(error) }, "the worker could not be stopped, and may work on");
    }
  }

  async function tryWhileRunning(stopping: AbortSignal): Promise<void> {
    while (!stopping.aborted) {
      const held = await tryToLead(stopping);
      if (held !== null) await lead(held, stopping);
      await waitOrAbort(clock, Math.max(store.delayMs(), retryMs * (0.5 + Math.random() / 2)), stopping);
    }
  }

  const lifecycle = createWorkerLifecycle({
    async begin() {
      const stopping = new AbortController();
      failure = null;
      run = { stopping, ended: tryWhileRunning(stopping.signal) };
    },
    async end() {
      run?.stopping.abort();
      await run?.ended;
      run = null;
      return { clean: true, abandoned: 0 };
    },
  });

  async function stop(): Promise<void> {
    await lifecycle.stop();
  }

  /** The signal looks at the clock: no timer may have run since the process was paused. */
  function isLeading(): boolean {
    return leading !== null && !leading.signal.aborted;
  }

  function reasons(): string[] {
    if (lifecycle.state !== "running") return ["it is not running"];
    const found: string[] = [];
    if (store.failure !== null) found.push(`the store of the locks does not answer: ${store.failure.message}`);
    if (failure !== null) found.push(`the worker could not be started: ${failure.message}`);
    return found;
  }

  return Object.freeze<SingleActive>({
    get isLeading() {
      return isLeading();
    },
    start: () => lifecycle.start(),
    stop,
    health() {
      const found = reasons();
      const status = lifecycle.state !== "running" ? "unhealthy" : found.length > 0 ? "degraded" : "healthy";
      return { status, state: lifecycle.state, isLeading: isLeading(), reasons: found };
    },
    [Symbol.asyncDispose]: stop,
  });
}
