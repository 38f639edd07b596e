import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { describeFailure } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
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

type Transition =
  | { readonly kind: "start"; readonly done: Promise<void> }
  | { readonly kind: "stop"; readonly done: Promise<RelayStopReport> };

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
  const counters = createRelayCounters(resolved.metrics, clock, logger);
  const workerId = resolved.workerId ?? defaultWorkerId();

  const nothingLeft: RelayStopReport = { clean: true, abandoned: 0 };
  const nothingRan: Transition = { kind: "stop", done: Promise.resolve(nothingLeft) };

  let state: RelayState = "stopped";
  let loop: RelayLoop | null = null;
  let last: Transition = nothingRan;
  let transitions = 0;

  function start(): Promise<void> {
    if (last.kind === "start") return last.done;
    const done: Promise<void> = inTurn(begin).catch((error: unknown) => {
      // So that it can be tried again.
      if (last.done === done) last = nothingRan;
      throw error;
    });
    last = { kind: "start", done };
    return done;
  }

  function stop(): Promise<RelayStopReport> {
    if (last.kind === "stop") return last.done;
    last = { kind: "stop", done: inTurn(end) };
    return last.done;
  }

  /** Runs at once, or when the transition before has come to its end, good or bad. */
  async function inTurn<T>(run: () => Promise<T>): Promise<T> {
    const before: Promise<unknown> = last.done;
    transitions += 1;
    try {
      if (transitions > 1) await before.catch(() => undefined);
      return await run();
    } finally {
      transitions -= 1;
    }
  }

  async function begin(): Promise<void> {
    state = "starting";
    try {
      await assertReady(resolved);
    } catch (error) {
      await publisher.stop({ timeoutMs: 0 }).catch((stopError: unknown) => {
        logger.warn({ ...describeFailure(stopError) }, "the publisher could not be stopped after the start had failed");
      });
      state = "stopped";
      throw error;
    }
    loop = createRelayLoop({ processor, counters, options: resolved, workerId });
    loop.begin();
    state = "running";
    logger.info({ workerId }, "the outbox relay is running");
  }

  async function end(): Promise<RelayStopReport> {
    // The start before this stop has failed, and has told its caller.
    if (loop === null) return nothingLeft;
    state = "stopping";
    try {
      const startedAt = clock.monotonicMs();
      const abandoned = await loop.end(resolved.stopTimeoutMs);
      const left = Math.max(0, resolved.stopTimeoutMs - (clock.monotonicMs() - startedAt));
      await publisher.stop({ timeoutMs: left });
      logger.info({ workerId, abandoned }, "the outbox relay has stopped");
      return { clean: abandoned === 0, abandoned };
    } finally {
      loop = null;
      state = "stopped";
    }
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
  if (brokerError !== null) problems.push(describeFailure(brokerError).message);
  throw new OmniBoxError("CONFIG.STORE_NOT_READY", `the relay cannot start: ${problems.join("; ")}`, {
    meta: { problems },
  });
}

function defaultWorkerId(): string {
  return `${hostname().slice(0, 200)}:${process.pid}:${randomBytes(4).toString("hex")}`;
}
