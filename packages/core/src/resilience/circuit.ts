import type { FailureDescription } from "../errors/describe-failure.js";
import { fullJitterBackoffMs } from "./backoff.js";

/** `closed`: work goes on. `open`: none is begun. `halfOpen`: one piece of work is tried, to see whether it succeeds again. */
export type CircuitState = "closed" | "open" | "halfOpen";

/** How a circuit is opened and tried. */
export interface CircuitOptions {
  /** Failures in a row that open it. */
  readonly failureThreshold: number;
  /** It stays open for at least this long. */
  readonly halfOpenAfterMs: number;
  /** It stays open for at most this long, and a try that is not answered for this long is tried again. */
  readonly halfOpenMaxMs: number;
  readonly random: () => number;
}

/** Permission for one piece of work; of its three methods one is called, when the work has ended. */
export interface CircuitPass {
  /** The work is a try of a circuit that is half open. */
  readonly isTry: boolean;
  succeeded(nowMs: number): void;
  failed(failure: FailureDescription, nowMs: number): void;
  /** The work came to nothing that says how the circuit should be. */
  endedWithoutAnswer(): void;
}

/** Remembers whether something works, and lets work on it begin or not. All times are those of one monotonic clock. */
export interface Circuit {
  readonly state: CircuitState;
  readonly failuresInRow: number;
  /** The failure that was told last; `null` after a success. */
  readonly failure: FailureDescription | null;
  /** Since when it is in this state; 0 when it has never changed. */
  readonly sinceMs: number;
  /** Asks to begin one piece of work; `null`: it must not begin. */
  enter(nowMs: number): CircuitPass | null;
  /** How long until a try may begin; 0 when it may begin now. Of a try under way nothing is known. */
  remainingMs(nowMs: number): number;
}

/** @param onChange - called after each change of state */
export function createCircuit(options: CircuitOptions, onChange: (from: CircuitState) => void): Circuit {
  const { failureThreshold, halfOpenAfterMs, halfOpenMaxMs, random } = options;
  let state: CircuitState = "closed";
  let sinceMs = 0;
  let failuresInRow = 0;
  let failure: FailureDescription | null = null;
  /** How often it was opened since it was closed last. */
  let openings = 0;
  let openUntilMs = 0;
  let tryUntilMs = 0;
  let isTrying = false;
  /** What began before the last change, or before another try, has nothing more to say. */
  let generation = 0;

  function moveTo(next: CircuitState, nowMs: number): void {
    const from = state;
    state = next;
    sinceMs = nowMs;
    isTrying = false;
    generation += 1;
    onChange(from);
  }

  function open(nowMs: number): void {
    openings += 1;
    // From the shortest time upwards, so that it never hardly opens, and at random, so that processes do not try together.
    openUntilMs = nowMs + halfOpenAfterMs;
    openUntilMs += fullJitterBackoffMs(openings, halfOpenAfterMs, halfOpenMaxMs - halfOpenAfterMs, random);
    moveTo("open", nowMs);
  }

  function passOf(own: number): CircuitPass {
    return {
      isTry: state === "halfOpen",
      succeeded(nowMs) {
        if (own !== generation) return;
        failuresInRow = 0;
        failure = null;
        openings = 0;
        if (state === "halfOpen") moveTo("closed", nowMs);
      },
      failed(told, nowMs) {
        if (own !== generation) return;
        failuresInRow += 1;
        failure = told;
        if (state === "halfOpen" || failuresInRow >= failureThreshold) open(nowMs);
      },
      endedWithoutAnswer() {
        if (own === generation) isTrying = false;
      },
    };
  }

  return {
    get state() {
      return state;
    },
    get failuresInRow() {
      return failuresInRow;
    },
    get failure() {
      return failure;
    },
    get sinceMs() {
      return sinceMs;
    },
    enter(nowMs) {
      if (state === "closed") return passOf(generation);
      if (state === "open") {
        if (nowMs < openUntilMs) return null;
        moveTo("halfOpen", nowMs);
      }
      if (isTrying && nowMs < tryUntilMs) return null;
      isTrying = true;
      tryUntilMs = nowMs + halfOpenMaxMs;
      generation += 1;
      return passOf(generation);
    },
    remainingMs: (nowMs) => (state === "open" ? Math.max(0, openUntilMs - nowMs) : 0),
  };
}
