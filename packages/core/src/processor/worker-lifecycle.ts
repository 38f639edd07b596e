import type { WorkerState, WorkerStopReport } from "./worker-state.js";

/** `start()` and `stop()` of a long-running worker. */
export interface WorkerLifecycle {
  readonly state: WorkerState;
  /** Idempotent; may be called again after `stop()`, and after it has rejected. */
  start(): Promise<void>;
  /** Idempotent: a second call returns the first one's promise. */
  stop(): Promise<WorkerStopReport>;
}

/** What starting and stopping means for one worker. */
export interface WorkerTransitions {
  /** When it rejects nothing is running. */
  begin(): Promise<void>;
  /** Called only after a `begin` that succeeded. */
  end(): Promise<WorkerStopReport>;
}

type Transition =
  | { readonly kind: "start"; readonly done: Promise<void> }
  | { readonly kind: "stop"; readonly done: Promise<WorkerStopReport> };

const nothingLeft: WorkerStopReport = Object.freeze({ clean: true, abandoned: 0 });

/** Carries out calls of `start` and `stop` that overlap one after the other, so that the last one decides. */
export function createWorkerLifecycle({ begin, end }: WorkerTransitions): WorkerLifecycle {
  const nothingRan: Transition = { kind: "stop", done: Promise.resolve(nothingLeft) };
  let state: WorkerState = "stopped";
  let last: Transition = nothingRan;
  let transitions = 0;

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

  async function toRunning(): Promise<void> {
    state = "starting";
    try {
      await begin();
      state = "running";
    } catch (error) {
      state = "stopped";
      throw error;
    }
  }

  async function toStopped(): Promise<WorkerStopReport> {
    // The start before this stop has failed, and has told its caller.
    if (state !== "running") return nothingLeft;
    state = "stopping";
    try {
      return await end();
    } finally {
      state = "stopped";
    }
  }

  return {
    get state() {
      return state;
    },
    start() {
      if (last.kind === "start") return last.done;
      const done: Promise<void> = inTurn(toRunning).catch((error: unknown) => {
        // So that it can be tried again.
        if (last.done === done) last = nothingRan;
        throw error;
      });
      last = { kind: "start", done };
      return done;
    },
    stop() {
      if (last.kind === "stop") return last.done;
      last = { kind: "stop", done: inTurn(toStopped) };
      return last.done;
    },
  };
}
