import type { PublisherHealth } from "../protocols/event-publisher.js";
import type { RelayLoop } from "./relay-loop.js";

/** Where a relay is in its life. */
export type RelayState = "stopped" | "starting" | "running" | "stopping";

/** Whether the relay does its work, for a health endpoint. */
export interface RelayHealth {
  /** `degraded`: it works on, but something it needs does not answer. `unhealthy`: it is not running, or its loop is stuck. */
  readonly status: "healthy" | "degraded" | "unhealthy";
  readonly state: RelayState;
  /** What is wrong, in words; empty when healthy. */
  readonly reasons: readonly string[];
}

export function relayHealth(
  state: RelayState,
  loop: RelayLoop | null,
  publisher: PublisherHealth,
  stallAfterMs: number,
): RelayHealth {
  if (loop === null || state !== "running") return { status: "unhealthy", state, reasons: [`the relay is ${state}`] };
  if (loop.crash !== null) {
    return { status: "unhealthy", state, reasons: [`the relay's loop has ended by itself: ${loop.crash.message}`] };
  }
  // While the database is away the loop rightly waits for the outcomes in hand.
  if (loop.withoutProgressMs() > stallAfterMs && !loop.store.isOpen) {
    const reasons = [`nothing has moved in the relay for ${Math.round(loop.withoutProgressMs() / 1_000)} s`];
    return { status: "unhealthy", state, reasons };
  }
  const reasons = [...publisher.reasons];
  if (loop.store.failure !== null) reasons.push(`the database does not answer: ${loop.store.failure.message}`);
  if (loop.broker.failure !== null) reasons.push(`the broker does not answer: ${loop.broker.failure.message}`);
  return { status: reasons.length === 0 ? "healthy" : "degraded", state, reasons };
}
