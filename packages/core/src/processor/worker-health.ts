import type { WorkerLoop } from "./worker-loop.js";
import type { WorkerHealth, WorkerState } from "./worker-state.js";

/** What a worker's health is read from. */
export interface WorkerHealthParts {
  /** "the relay", as it is called in sentences. */
  readonly name: string;
  readonly state: WorkerState;
  readonly loop: Pick<WorkerLoop, "crash" | "store" | "withoutProgressMs"> | null;
  /** What is wrong besides, while it runs. */
  readonly reasons: readonly string[];
  readonly stallAfterMs: number;
}

/** Reads the health of a worker; `unhealthy` unless it runs and its loop moves. */
export function workerHealth({ name, state, loop, reasons, stallAfterMs }: WorkerHealthParts): WorkerHealth {
  if (loop === null || state !== "running") return { status: "unhealthy", state, reasons: [`${name} is ${state}`] };
  if (loop.crash !== null) {
    return { status: "unhealthy", state, reasons: [`${name}'s loop has ended by itself: ${loop.crash.message}`] };
  }
  // While the database is away the loop rightly waits for the outcomes in hand.
  if (loop.withoutProgressMs() > stallAfterMs && !loop.store.isOpen) {
    const stalledFor = `${Math.round(loop.withoutProgressMs() / 1_000)} s`;
    return { status: "unhealthy", state, reasons: [`nothing has moved in ${name} for ${stalledFor}`] };
  }
  const all = [...reasons];
  if (loop.store.failure !== null) all.push(`the database does not answer: ${loop.store.failure.message}`);
  return { status: all.length === 0 ? "healthy" : "degraded", state, reasons: all };
}
