import type { EventStatus } from "@omni-box/core";

/** How a transaction of a schedule ends. */
export type End = "commit" | "roll-back" | "swallow-error";

/** How a worker ends its work on the events that it took, other than by completing them with their effects. */
export type Settlement = "release" | "retry" | "fail";

/**
 * One step of a schedule: plain data, so that a failing schedule can be printed, shortened and run again.
 *
 * Messages are numbered; the same number is the same message, delivered again.
 */
export type InboxStep =
  /** Handles messages inline, with one effect each. */
  | { readonly do: "handle"; readonly messages: readonly number[]; readonly inOrder: boolean; readonly end: End }
  /** Two processes handle the same messages inline at the same time, one of them in the opposite order. */
  | { readonly do: "handle-together"; readonly messages: readonly number[] }
  | { readonly do: "store"; readonly messages: readonly number[]; readonly status: EventStatus }
  | { readonly do: "take"; readonly worker: number; readonly limit: number; readonly headsOnly: boolean }
  /** Completes what the worker took last, each event in a transaction with its effect, whether it still holds it or not. */
  | { readonly do: "process"; readonly worker: number; readonly end: End }
  | { readonly do: "settle"; readonly worker: number; readonly as: Settlement }
  | { readonly do: "count-start"; readonly worker: number; readonly starts: number }
  | { readonly do: "pass"; readonly ms: number };

export const scheduleWorkers = 3;
export const scheduleMessages = 14;
/** Message n has key n % 4. */
export const scheduleKeys = 4;

/**
 * Durations that never meet: time passes in steps of 30 seconds, and leases and backoffs end at least 10 seconds away from
 * any of them, so that a slow machine does not change what is due.
 */
export const scheduleTimes = Object.freeze({
  leaseMs: 100_000,
  backoffMs: 45_000,
  passesMs: [30_000, 120_000] as const,
});
