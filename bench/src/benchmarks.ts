import { benchAdd } from "./add.js";
import { benchBacklog } from "./backlog.js";
import type { BenchmarkReport } from "./benchmark-report.js";
import { benchBlockedKey } from "./blocked-key.js";
import { benchHeldXmin } from "./held-xmin.js";
import { benchInbox } from "./inbox.js";
import { benchLatency } from "./latency.js";
import { benchMemory } from "./memory.js";
import { benchRelay } from "./relay.js";
import type { RunOptions } from "./run-options.js";

/** A benchmark, and how much it measures unless it is told. */
export interface Benchmark {
  readonly short: Omit<RunOptions, "isFull">;
  readonly full: Omit<RunOptions, "isFull">;
  run(options: RunOptions): Promise<BenchmarkReport>;
}

/** Every benchmark by its name, in the order of the page. */
export const benchmarks = {
  relay: { short: { events: 10_000, rounds: 3 }, full: { events: 50_000, rounds: 5 }, run: benchRelay },
  latency: { short: { events: 3_000, rounds: 2 }, full: { events: 10_000, rounds: 5 }, run: benchLatency },
  add: { short: { events: 2_000, rounds: 5 }, full: { events: 4_000, rounds: 10 }, run: benchAdd },
  inbox: { short: { events: 2_000, rounds: 5 }, full: { events: 10_000, rounds: 5 }, run: benchInbox },
  backlog: { short: { events: 200_000, rounds: 50 }, full: { events: 10_000_000, rounds: 200 }, run: benchBacklog },
  "blocked-key": { short: { events: 10_000, rounds: 3 }, full: { events: 50_000, rounds: 5 }, run: benchBlockedKey },
  "held-xmin": { short: { events: 60_000, rounds: 1 }, full: { events: 100_000, rounds: 1 }, run: benchHeldXmin },
  memory: { short: { events: 500_000, rounds: 1 }, full: { events: 10_000_000, rounds: 1 }, run: benchMemory },
} satisfies Readonly<Record<string, Benchmark>>;

/** The name of a benchmark. */
export type BenchmarkName = keyof typeof benchmarks;
