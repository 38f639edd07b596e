import { z } from "zod";
import { limits } from "../defaults.js";
import { describeFailure } from "../errors/describe-failure.js";
import { validateOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { silentAbort } from "../internal/silent-abort.js";
import type { Pipeline } from "../pipeline/compose-pipeline.js";
import { type Outcome, type OutcomeKind, outcome } from "../pipeline/outcome.js";
import type { StepContext } from "../pipeline/step.js";
import type { Clock } from "../protocols/clock.js";
import type { EventRef, EventRepository, FetchFilters } from "../protocols/event-repository.js";
import type { Fence } from "../protocols/fence.js";
import type { Logger } from "../protocols/logger.js";
import { createOutageGate, type OutageGate } from "../resilience/outage-gate.js";
import { createRetryDecisions } from "../resilience/retry-decisions.js";
import type { RetryPolicy } from "../resilience/retry-policy.js";
import type { CommitContext, CommitReport, CommitStrategy } from "./commit-strategy.js";
import { type DecidedRows, decideRows, type EventResult, finalOutcome } from "./decide-rows.js";
import type { ClaimedBatch, FetchCondition, FetchSession, FetchStrategy } from "./fetch-strategy.js";
import { createLeaseHold, type LeaseHold } from "./lease-hold.js";
import { createOpenOutcomes } from "./open-outcomes.js";

/** Which events to claim. */
export interface ClaimBatchRequest {
  /** For people to read; at most 255 characters. */
  readonly workerId: string;
  /** Events at most; from 1 to 10,000. */
  readonly batchSize: number;
  readonly filters?: FetchFilters | undefined;
}

/** How a claimed batch is worked on. */
export interface RunBatchControl {
  readonly workerId: string;
  /** Aborted when the worker is stopping: events whose work has not begun are released. */
  readonly signal?: AbortSignal | undefined;
  /** Aborted when the worker gives up waiting: events still in work are left to their lease. */
  readonly abandon?: AbortSignal | undefined;
  /** Told whether the store answers; default: one for this batch alone. */
  readonly store?: OutageGate | undefined;
  /** How long deferred events wait before they are due again; default: not at all. */
  readonly deferDelayMs?: number | null | undefined;
}

/** What became of a batch. */
export interface BatchProcessingResult<E extends BaseEvent> extends CommitReport {
  /** In the order of the batch; without the abandoned ones. */
  readonly results: readonly EventResult<E>[];
  readonly counts: Readonly<Record<OutcomeKind, number>>;
  /** Events still in work when the worker gave up or their lease ran out; nothing was written for them. */
  readonly abandoned: readonly EventRef[];
  /** From the first step to the last outcome, and for recording the outcomes. */
  readonly handleDurationMs: number;
  readonly commitDurationMs: number;
}

/** Claims events, runs each through the pipeline and records one outcome for every one of them. */
export interface EventBatchProcessor<E extends BaseEvent> {
  /**
   * Claims the next due events; rejects as the repository does.
   *
   * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS when the request is not valid; lists all problems.
   */
  claim(request: ClaimBatchRequest): Promise<ClaimedBatch<E>>;
  /** Works on a claimed batch. Never rejects: what goes wrong is an outcome or is in the report. */
  run(batch: ClaimedBatch<E>, control: RunBatchControl): Promise<BatchProcessingResult<E>>;
  /** Claims and runs one batch. */
  processBatch(request: ClaimBatchRequest): Promise<BatchProcessingResult<E>>;
  /** Whether an empty batch of this worker means that nothing is due for anybody. */
  seesAll(workerId: string): boolean;
  /** From now on `seesAll` is said of what claims of this worker find that begin later. */
  recheck(workerId: string): void;
  /** What this worker's fetching knows of itself; `undefined` before its first claim, and where nothing is held. Asks nobody. */
  condition(workerId: string): FetchCondition | undefined;
  /** Gives up what workers hold beyond their batches: call it when the last batch has ended. A later claim begins anew. Never rejects. */
  close(): Promise<void>;
}

/** What a processor is made of; put together by `createProcessorBuilder`. */
export interface ProcessorParts<E extends BaseEvent> {
  readonly repository: EventRepository<E>;
  readonly fetch: FetchStrategy;
  readonly pipeline: Pipeline<E>;
  readonly commit: CommitStrategy;
  readonly retryPolicy: RetryPolicy;
  readonly clock: Clock;
  readonly logger: Logger;
}

const names = z.array(z.string()).optional();

const claimRequest = z.strictObject({
  workerId: z.string().min(1).max(limits.workerIdMaxLength),
  batchSize: z.int().min(1).max(limits.batchSizeMax),
  filters: z
    .strictObject({
      topics: names,
      types: names,
      aggregateTypes: names,
      consumerGroup: z.string().optional(),
      sources: names,
    })
    .optional(),
});

/** Creates the processor; see `createProcessorBuilder`. */
export function createEventBatchProcessor<E extends BaseEvent>(parts: ProcessorParts<E>): EventBatchProcessor<E> {
  const { repository, fetch, pipeline, commit, retryPolicy, clock, logger } = parts;

  const retry = createRetryDecisions(retryPolicy, () => clock.now());
  const decide = (event: E, given: Outcome) => finalOutcome(event, given, retry);
  const openOutcomes = createOpenOutcomes();
  const sessions = new Map<string, FetchSession<E>>();

  function sessionOf(workerId: string): FetchSession<E> {
    const session = sessions.get(workerId) ?? fetch.open(repository, { workerId, clock, logger });
    sessions.set(workerId, session);
    return session;
  }

  async function claim(request: ClaimBatchRequest): Promise<ClaimedBatch<E>> {
    const { workerId, batchSize, filters } = validateOptions("claim", claimRequest, request);
    return sessionOf(workerId).fetch({ limit: batchSize, filters: filters as FetchFilters | undefined });
  }

  async function record(fence: Fence, rows: DecidedRows, context: CommitContext): Promise<CommitReport> {
    try {
      return await commit.commit(repository, fence, rows, context);
    } catch (error) {
      logger.error({ ...describeFailure(error) }, `${commit.name} must not reject; the outcomes are not recorded`);
      return { lost: [], uncertain: [], unrecorded: [...rows.completed, ...rows.failed, ...rows.pending] };
    }
  }

  async function run(batch: ClaimedBatch<E>, control: RunBatchControl): Promise<BatchProcessingResult<E>> {
    const { workerId, signal = silentAbort, abandon = silentAbort, deferDelayMs = null } = control;
    const store = control.store ?? createOutageGate("the database", logger);
    const outcomes = new Array<Outcome | undefined>(batch.events.length);
    const heartbeatLeaseMs = fetch.heartbeat ? fetch.leaseMs : null;
    const hold = createLeaseHold({ batch, outcomes, repository, clock, logger, heartbeatLeaseMs });
    const context: StepContext = {
      workerId,
      clock,
      logger,
      signal,
      fence: batch.fence,
      leaseRemainingMs: (event) => hold.remainingMs(event),
      leaseLost: (event) => hold.lost(event),
      isGivenUp: (event, given) => finalOutcome(event, given, retry).kind === "failed",
    };
    const startedAt = clock.monotonicMs();
    const { order } = batch;
    const work = (event: E) => openOutcomes.take(event) ?? pipeline(event, context);
    const onLate = (event: E, late: Outcome) => openOutcomes.keep(event, late);
    await collectOutcomes({ batch, outcomes, hold, clock, abandon, work, decide, onLate });
    const handledAt = clock.monotonicMs();

    const results: EventResult<E>[] = [];
    const abandoned: EventRef[] = [];
    batch.events.forEach((event, index) => {
      const given = outcomes[index];
      if (given === undefined) abandoned.push({ id: event.id, seq: event.seq });
      else results.push({ event, outcome: given });
    });
    const rows = decideRows(results, { retry, deferDelayMs, keepsInMemory: order !== undefined });
    openOutcomes.hold(results);
    const report = await record(batch.fence, rows, { clock, logger, store, abandon });
    hold.end();
    openOutcomes.letGo(rows.completed, report.unrecorded);
    order?.settled(results, report);
    return {
      ...report,
      results,
      counts: countKinds(results),
      abandoned,
      handleDurationMs: handledAt - startedAt,
      commitDurationMs: clock.monotonicMs() - handledAt,
    };
  }

  return Object.freeze({
    claim,
    run,
    seesAll: (workerId: string) => sessions.get(workerId)?.seesAll ?? true,
    recheck: (workerId: string) => sessions.get(workerId)?.recheck?.(),
    condition: (workerId: string) => sessions.get(workerId)?.condition,
    async close() {
      const open = [...sessions.values()];
      sessions.clear();
      await Promise.all(open.map((session) => session.close()));
    },
    processBatch: async (request: ClaimBatchRequest) => run(await claim(request), { workerId: request.workerId }),
  });
}

interface Collection<E extends BaseEvent> {
  readonly batch: ClaimedBatch<E>;
  readonly outcomes: (Outcome | undefined)[];
  readonly hold: LeaseHold;
  readonly clock: Clock;
  readonly abandon: AbortSignal;
  /** Never rejects. */
  readonly work: (event: E) => Outcome | Promise<Outcome>;
  /** Applies the retry policy. */
  readonly decide: (event: E, outcome: Outcome) => Outcome;
  /** Gets what came too late. */
  readonly onLate: (event: E, outcome: Outcome) => void;
}

const outOfTurn = outcome.release("an earlier event of its key has to go first");

/**
 * Works on each event in its turn, and fills in its outcome; leaves out those that are still in work when `abandon` is aborted
 * or the lease runs out: one event that hangs must not keep the outcomes of its neighbours.
 */
async function collectOutcomes<E extends BaseEvent>(collection: Collection<E>): Promise<void> {
  const { outcomes, hold, clock, abandon, work, decide, onLate } = collection;
  const { events, order } = collection.batch;
  if (abandon.aborted) {
    // A claim that was answered after the worker had gone.
    outcomes.fill(outcome.release("the worker has stopped"));
    return;
  }
  let isOver = false;
  let inWork = events.length;
  await new Promise<void>((resolve) => {
    const finish = () => {
      cancel();
      abandon.removeEventListener("abort", finish);
      isOver = true;
      hold.giveUp();
      resolve();
    };
    // A heartbeat moves the end of the lease while this waits for it.
    const waitForLease = () => clock.schedule(Math.max(0, hold.remainingMs()), onTimer);
    const onTimer = () => {
      if (hold.remainingMs() <= 0) finish();
      else cancel = waitForLease();
    };
    let cancel = waitForLease();
    abandon.addEventListener("abort", finish, { once: true });

    // Not async, like all that is run for each event: every promise less is half a microsecond.
    const settle = (event: E, index: number, result: Outcome) => {
      // What settles later must not change the decision.
      if (isOver) {
        onLate(event, result);
        return;
      }
      outcomes[index] = result;
      inWork -= 1;
      if (inWork === 0) finish();
    };
    const worked = (event: E, index: number, result: Outcome) => {
      const final = decide(event, result);
      order?.leave(event, final);
      settle(event, index, final);
    };
    const workOn = (event: E, index: number) => {
      const result = work(event);
      if (result instanceof Promise) void result.then((later) => worked(event, index, later));
      else worked(event, index, result);
    };
    events.forEach((event, index) => {
      const turn = order?.enter(event) ?? true;
      if (turn === true) workOn(event, index);
      else if (turn === false) settle(event, index, outOfTurn);
      else void turn.then((isItsTurn) => (isItsTurn ? workOn(event, index) : settle(event, index, outOfTurn)));
    });
    if (events.length === 0) finish();
  });
}

function countKinds(results: readonly EventResult<BaseEvent>[]): Record<OutcomeKind, number> {
  const counts: Record<OutcomeKind, number> = { completed: 0, retry: 0, defer: 0, failed: 0, release: 0 };
  for (const result of results) counts[result.outcome.kind] += 1;
  return counts;
}
