/** How a worker ends its work on some of the events that it read. */
export type BucketSettlement = "complete" | "retry" | "fail" | "start";

/** One step of a schedule of owners: plain data, so that a failing schedule can be printed, shortened and run again. */
export type BucketScheduleStep =
  /** Adds one event per entry, of the key with this number. */
  | { readonly do: "add"; readonly keys: readonly number[] }
  | { readonly do: "acquire"; readonly worker: number; readonly limit: number }
  /** Two workers acquire at the same time. */
  | { readonly do: "acquire-together"; readonly limit: number }
  | { readonly do: "renew"; readonly worker: number }
  /** Gives up every n-th of the buckets that the worker believes to own. */
  | { readonly do: "release"; readonly worker: number; readonly everyNth: number }
  /** The process ends without a word, and another takes its place under an owner of its own. */
  | { readonly do: "restart"; readonly worker: number }
  | { readonly do: "leave"; readonly worker: number }
  | { readonly do: "clean"; readonly worker: number }
  /** Reads the buckets that the worker believes to own, and remembers events and epochs for `settle`. */
  | { readonly do: "read"; readonly worker: number; readonly limit: number }
  /** Settles every n-th event of the worker's last read under the epochs of then, whether it still owns the buckets or not. */
  | {
      readonly do: "settle";
      readonly worker: number;
      readonly as: BucketSettlement;
      readonly everyNth: number;
      readonly times: number;
    }
  | { readonly do: "survey" }
  | { readonly do: "pass"; readonly ms: number };

/** Workers of a schedule, and the buckets that they contend for. */
export const bucketScheduleWorkers = 3;
export const bucketScheduleBuckets = 4;

/**
 * Durations that never meet: time passes in steps of 30 seconds, and leases, graces and backoffs end at least 10 seconds away
 * from any of them, so that a slow machine changes nothing.
 */
export const bucketScheduleTimes = Object.freeze({
  leaseMs: 100_000,
  graceMs: 35_000,
  backoffMs: 45_000,
  passesMs: [30_000, 150_000] as const,
});
