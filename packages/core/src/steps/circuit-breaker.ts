import { z } from "zod";
import { defaults } from "../defaults.js";
import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { OmniBoxError } from "../errors/omni-box-error.js";
import { functionOption, milliseconds, validateOptions } from "../errors/validate-options.js";
import type { BaseEvent } from "../events/outbox-event.js";
import { type Outcome, outcome } from "../pipeline/outcome.js";
import type { Step, StepContext } from "../pipeline/step.js";
import { type Logger, silentLogger } from "../protocols/logger.js";
import { type Circuit, type CircuitState, createCircuit } from "../resilience/circuit.js";
import { isDependencyFailure } from "./is-dependency-failure.js";

/** One change of a circuit breaker's state. */
export interface CircuitChange {
  /** `null` when the breaker has no `key`. */
  readonly key: string | null;
  readonly from: CircuitState;
  readonly to: CircuitState;
  /** The failure that was met last; `null` when the breaker closes. */
  readonly failure: FailureDescription | null;
}

/** Where a circuit breaker stands. */
export interface CircuitSnapshot {
  /** `null` when the breaker has no `key`. */
  readonly key: string | null;
  readonly state: CircuitState;
  readonly failuresInRow: number;
  readonly failure: FailureDescription | null;
}

/** Options of {@link circuitBreaker}. */
export interface CircuitBreakerOptions<E extends BaseEvent> {
  /** Failures in a row that open it; default 5. */
  readonly failureThreshold?: number | undefined;
  /** It stays open for at least this long; default 10,000 ms. */
  readonly halfOpenAfterMs?: number | undefined;
  /** It stays open for at most this long, and an unanswered try counts for nothing after it; default 300,000 ms. */
  readonly halfOpenMaxMs?: number | undefined;
  /** A circuit of its own for each key, such as `({ topic }) => topic`; default: one for all events. */
  readonly key?: ((event: E) => string) | undefined;
  /**
   * Whether an outcome that is not `completed` says that what the step guards does not work. Default: a retry or deferral, unless
   * it is about omni-box itself (`STORE.*`, `LOCK.*`, `PIPELINE.*`, a lost lease, a missing handler) or what a handler asked for with
   * `handlerRetry`. Other outcomes say nothing.
   */
  readonly isFailure?: ((outcome: Outcome, event: E) => boolean) | undefined;
  /** Told of every change of state, tries included; what it throws is logged once and changes nothing. */
  readonly onChange?: ((change: CircuitChange) => void) | undefined;
  /** A number from 0 to below 1; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** The step, and what it knows. */
export type CircuitBreaker<E extends BaseEvent> = Step<E> & {
  /** One for each key that was met, at most 10,000; without a `key` the one. */
  snapshot(): readonly CircuitSnapshot[];
  /** What is wrong, for the `health()` of the worker that the step is used in. */
  healthReasons(): readonly string[];
};

const reasonsMax = 10;
const keyShownMax = 100;

const breakerOptions = z.strictObject({
  failureThreshold: z.int().min(1).max(1_000_000).default(defaults.breakerFailureThreshold),
  halfOpenAfterMs: milliseconds(1).default(defaults.breakerHalfOpenAfterMs),
  halfOpenMaxMs: milliseconds(1).default(defaults.breakerHalfOpenMaxMs),
  key: functionOption<(event: never) => string>("(event) => string").optional(),
  isFailure: functionOption<(outcome: Outcome, event: never) => boolean>("(outcome, event) => boolean").optional(),
  onChange: functionOption<(change: CircuitChange) => void>("(change)").optional(),
  random: functionOption<() => number>("() => number").default(() => Math.random),
});

/**
 * A step that stops working on events while what they need does not work, such as a service that the handlers call.
 *
 * After `failureThreshold` failures in a row it opens: events are deferred without an attempt and without calling what lies
 * behind it. After `halfOpenAfterMs`, and a random part that grows with every failed try up to `halfOpenMaxMs`, one event is let
 * through; if it completes the breaker closes, else it stays open. A failed try costs its event no attempt: else a long outage
 * would use up those of whichever event is tried. What began before it opened changes nothing afterwards.
 *
 * The relay has such a gate for the broker, and every worker has one for the database: they need no step. Changes are logged
 * once when it opens and once when it closes, and `health()` of the worker is `degraded` meanwhile. A step that is given to
 * several workers is one breaker for all; each process has its own.
 *
 * @throws {OmniBoxError} CONFIG.INVALID_OPTIONS that lists all problems.
 */
export function circuitBreaker<E extends BaseEvent>(options: CircuitBreakerOptions<E> = {}): CircuitBreaker<E> {
  const valid = validateOptions("circuitBreaker", breakerOptions, options, impossibleCombinations);
  const { key: keyOf, isFailure = isDependencyFailure, onChange } = options;
  const circuits = new Map<string | null, Circuit>();
  let logger: Logger = silentLogger;
  const faults = new Set<string>();

  /** Calls the application's code, whose bugs must neither become the event's nor leave a circuit without an answer. */
  function guarded<T>(name: string, call: () => T, otherwise: T): T {
    try {
      return call();
    } catch (error) {
      if (!faults.has(name)) logger.error({ ...describeFailure(error) }, `${name} of a circuit breaker throws`);
      faults.add(name);
      return otherwise;
    }
  }

  function changed(key: string | null, from: CircuitState, { state: to, failure }: Circuit): void {
    if (from === "closed") logger.warn({ code: failure?.code }, `${nameOf(key)} has opened: ${failure?.message}`);
    else if (to === "closed") logger.warn({}, `${nameOf(key)} has closed: what it guards works again`);
    guarded("onChange", () => onChange?.({ key, from, to, failure }), undefined);
  }

  function circuitOf(key: string | null): Circuit {
    const present = circuits.get(key);
    if (present !== undefined) return present;
    if (circuits.size >= defaults.breakerKeys) makeRoom(circuits);
    const circuit = createCircuit(valid, (from) => changed(key, from, circuit));
    circuits.set(key, circuit);
    return circuit;
  }

  async function circuitBreaker(event: E, context: StepContext, next: () => Promise<Outcome>): Promise<Outcome> {
    logger = context.logger;
    const nowMs = () => context.clock.monotonicMs();
    const key = keyOf === undefined ? null : keyOf(event);
    const circuit = circuitOf(key);
    const pass = circuit.enter(nowMs());
    if (pass === null) return deferral(key, circuit, nowMs());
    const result = await next();
    if (result.kind === "completed") pass.succeeded(nowMs());
    else if (guarded("isFailure", () => isFailure(result, event), isDependencyFailure(result))) {
      pass.failed(failureOf(result), nowMs());
      if (pass.isTry) return failedTry(result, circuit.remainingMs(nowMs()));
    } else pass.endedWithoutAnswer();
    return result;
  }

  if (keyOf === undefined) circuitOf(null);
  return Object.assign(circuitBreaker, {
    snapshot: () => [...circuits].map(([key, circuit]) => snapshotOf(key, circuit)),
    healthReasons: () => shortened([...circuits].flatMap(([key, circuit]) => reasonsOf(key, circuit))),
  });
}

/** Forgets a key with which nothing is wrong, or else the one that came first. */
function makeRoom(circuits: Map<string | null, Circuit>): void {
  const [first] = circuits.keys();
  const idle = [...circuits].find(([, { state, failuresInRow }]) => state === "closed" && failuresInRow === 0);
  circuits.delete(idle?.[0] ?? first ?? null);
}

function nameOf(key: string | null): string {
  return key === null ? "the circuit breaker" : `the circuit breaker of ${JSON.stringify(key.slice(0, keyShownMax))}`;
}

function failureOf(outcome: Exclude<Outcome, { readonly kind: "completed" }>): FailureDescription {
  return outcome.kind === "release" ? describeFailure(outcome.reason) : outcome.failure;
}

function deferral(key: string | null, circuit: Circuit, nowMs: number): Outcome {
  const message = `${nameOf(key)} is open: ${circuit.failure?.message}`;
  // While another event is tried nobody knows how long that takes.
  const delayMs = Math.ceil(circuit.remainingMs(nowMs)) || defaults.putOffMs;
  return outcome.defer(new OmniBoxError("PIPELINE.CIRCUIT_OPEN", message), delayMs);
}

/** Behind those that wait for the next try, so that the next one is another event. */
function failedTry(given: Outcome, remainingMs: number): Outcome {
  if (given.kind !== "retry" && given.kind !== "defer") return given;
  const delayMs = Math.max(given.delayMs ?? 0, Math.ceil(remainingMs) + defaults.putOffMs);
  return { kind: "defer", failure: given.failure, delayMs };
}

function snapshotOf(key: string | null, { state, failuresInRow, failure }: Circuit): CircuitSnapshot {
  return { key, state, failuresInRow, failure };
}

/** A service behind thousands of keys must not fill a health endpoint. */
function shortened(reasons: readonly string[]): readonly string[] {
  const more = reasons.length - reasonsMax;
  return more <= 0
    ? reasons
    : [...reasons.slice(0, reasonsMax), `and so are the circuit breakers of ${more} other keys`];
}

function reasonsOf(key: string | null, { state, failure }: Circuit): readonly string[] {
  return state === "closed" ? [] : [`${nameOf(key)} is open: ${failure?.message}`];
}

function impossibleCombinations({ halfOpenAfterMs = NaN, halfOpenMaxMs = NaN }): string[] {
  if (!(halfOpenAfterMs > halfOpenMaxMs)) return [];
  return [`halfOpenAfterMs (${halfOpenAfterMs}) must not be longer than halfOpenMaxMs (${halfOpenMaxMs})`];
}
