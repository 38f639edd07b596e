import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { isOmniBoxError, OmniBoxError } from "../errors/omni-box-error.js";
import { createProcessorBuilder } from "../processor/create-processor-builder.js";
import { publishWith } from "./publish-with.js";
import { createRelayCounters, type RelayMetricsSnapshot } from "./relay-counters.js";
import { type RelayHealth, type RelayState, relayHealth } from "./relay-health.js";
import { createRelayLoop, type RelayLoop } from "./relay-loop.js";
import { type OutboxRelayOptions, type ResolvedRelayOptions, resolveRelayOptions } from "./relay-options.js";

/** What `stop()` left behind. */
export interface RelayStopReport {
  /** Whether everything in work was finished or released in time. */
  readonly clean: boolean;
  /** Events still in work at the time-out; others get them when the lease runs out, so they may be published twice. */
  readonly abandoned: number;
}

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
   *
   * Idempotent: a second call returns the first one's promise. Never rejects over work in flight; see the report.
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
    .use(...steps)
    .handle(publishWith(publisher, { timeoutMs: publishTimeoutMs, converter }))
    .retry(retry)
    .clock(clock)
    .logger(logger);
  const processor = (commit === undefined ? builder : builder.commit(commit)).build();
  const counters = createRelayCounters(resolved.metrics, clock);
  const workerId = resolved.workerId ?? defaultWorkerId();

  let state: RelayState = "stopped";
  let loop: RelayLoop | null = null;
  let starting: Promise<void> | null = null;
  let stopping: Promise<RelayStopReport> | null = null;

  async function start(): Promise<void> {
    if (stopping !== null) await stopping;
    if (state !== "stopped") return starting ?? undefined;
    state = "starting";
    starting = begin().finally(() => {
      starting = null;
    });
    return starting;
  }

  async function begin(): Promise<void> {
    try {
      await assertReady(resolved);
    } catch (error) {
      await publisher.stop({ timeoutMs: 0 });
      state = "stopped";
      throw error;
    }
    loop = createRelayLoop({ processor, counters, options: resolved, workerId });
    loop.begin();
    state = "running";
    logger.info({ workerId }, "the outbox relay is running");
  }

  function stop(): Promise<RelayStopReport> {
    stopping ??= end().finally(() => {
      stopping = null;
    });
    return stopping;
  }

  async function end(): Promise<RelayStopReport> {
    // A start under way is waited for, so that nothing of it outlives the stop; its failure is its caller's.
    if (starting !== null) await starting.catch(() => undefined);
    if (loop === null) return { clean: true, abandoned: 0 };
    state = "stopping";
    const startedAt = clock.monotonicMs();
    const abandoned = await loop.end(resolved.stopTimeoutMs);
    const left = Math.max(0, resolved.stopTimeoutMs - (clock.monotonicMs() - startedAt));
    await publisher.stop({ timeoutMs: left });
    loop = null;
    state = "stopped";
    logger.info({ workerId, abandoned }, "the outbox relay has stopped");
    return { clean: abandoned === 0, abandoned };
  }

  return Object.freeze({
    get state() {
      return state;
    },
    start,
    stop,
    nudge: () => loop?.nudge(),
    drain: async () => loop?.drained(),
    health: () => relayHealth(state, loop, publisher.health(), resolved.stallAfterMs),
    metrics: () => counters.snapshot(),
    async [Symbol.asyncDispose]() {
      await stop();
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
  if (isOmniBoxError(brokerError)) problems.push(brokerError.message);
  throw new OmniBoxError("CONFIG.STORE_NOT_READY", `the relay cannot start: ${problems.join("; ")}`, {
    meta: { problems },
  });
}

function defaultWorkerId(): string {
  return `${hostname().slice(0, 200)}:${process.pid}:${randomBytes(4).toString("hex")}`;
}
