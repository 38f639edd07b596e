/** How a worker ends its work on some of the events that it took. */
export type Settlement = "complete" | "release" | "retry" | "fail";

/** One step of a schedule: plain data, so that a failing schedule can be printed, shortened and run again. */
export type ScheduleStep =
  /** Adds one event per entry, with the numbered idempotency key or none, and commits or rolls back. */
  | { readonly do: "add"; readonly keys: readonly (number | null)[]; readonly rollBack: boolean }
  | { readonly do: "take"; readonly worker: number; readonly limit: number }
  /** Two workers take at the same time. */
  | { readonly do: "take-together"; readonly limit: number }
  /** Settles every n-th event of the worker's last take, whether it still holds them or not. */
  | { readonly do: "settle"; readonly worker: number; readonly as: Settlement; readonly everyNth: number }
  | { readonly do: "extend"; readonly worker: number }
  | { readonly do: "lock"; readonly worker: number; readonly event: number }
  | { readonly do: "unlock"; readonly event: number }
  | { readonly do: "pass"; readonly ms: number };

/** Workers of a schedule. */
export const scheduleWorkers = 3;

/**
 * Durations that never meet: time passes in steps of 30 seconds, and leases and backoffs end at least 10 seconds away from
 * any of them, so that a slow machine does not change what is due.
 */
export const scheduleTimes = Object.freeze({
  leaseMs: 100_000,
  backoffMs: 45_000,
  passesMs: [30_000, 120_000] as const,
});
