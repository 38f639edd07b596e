import { defaults } from "@omni-box/core";
import { createPrismaOutboxRepository } from "@omni-box/prisma";
import { PrismaPg } from "@prisma/adapter-pg";
import { findDue, readPending } from "../hand-written/polls.js";
import type { Aim, BenchmarkCase, BenchmarkReport } from "./benchmark-report.js";
import { PrismaClient } from "./generated/client.js";
import { alternate, compared, type Round } from "./harness/alternate.js";
import { type Environment, withEnvironment } from "./harness/environment.js";
import { type FillOptions, fillOutbox } from "./harness/fill-outbox.js";
import { databaseUrl } from "./harness/services.js";
import type { RunOptions } from "./run-options.js";

const keyCount = 10_000;
const flat: Aim = { of: "value", atMost: 2 };

const method = `One statement, asked through the repository (Prisma) and by hand (pg), over tables of different sizes: a worker that
owns all buckets reads the next ${defaults.batchSize} events. The spread is over all repetitions.`;

/** Measures what one poll costs, whatever the table holds; up to `events` rows. */
export async function benchBacklog({ events, rounds, isFull }: RunOptions): Promise<BenchmarkReport> {
  const sizes = [...new Set([Math.min(10_000, events), ...(isFull ? [1_000_000] : []), events])];
  const cases: BenchmarkCase[] = [];
  await withEnvironment(async (environment) => {
    const lane = await environment.createLane();
    const polls = await openPolls(environment, lane);
    for (const size of sizes) {
      for (const [state, name, kinds] of states) {
        await environment.pool.query(`TRUNCATE "${lane}".outbox_event`);
        await fillOutbox(environment.pool, lane, { events: size, keys: keyCount, state });
        await environment.pool.query(`VACUUM (ANALYZE) "${lane}".outbox_event`);
        for (const kind of kinds) {
          const expected = state === "due" ? defaults.batchSize : 0;
          const ways = { omniBox: polls.omniBox(kind, expected), handWritten: polls.handWritten(state, expected) };
          const measured = await alternate(ways, { warmUps: 10, rounds });
          const poll = `${size.toLocaleString("en")} ${name}: ${kinds.length === 1 ? "poll" : `poll of ${kind} events`}`;
          cases.push(compared(poll, "ms", measured, state === "due" ? undefined : flat));
        }
      }
    }
  });
  return { name: "backlog", method, cases };
}

type State = NonNullable<FillOptions["state"]>;
type Kind = "pending" | "scheduled";

const states: readonly (readonly [State, string, readonly Kind[]])[] = [
  ["due", "pending and due", ["pending"]],
  ["later", "pending, none due", ["pending", "scheduled"]],
  ["completed", "completed", ["pending"]],
];

async function openPolls(environment: Environment, lane: string) {
  const client = new PrismaClient({ adapter: new PrismaPg({ connectionString: databaseUrl }, { schema: lane }) });
  environment.onEnd(() => client.$disconnect());
  const { buckets } = createPrismaOutboxRepository(client, { schema: lane });
  if (buckets === undefined) throw new Error("the repository has no buckets");
  const numbers = Array.from({ length: defaults.bucketCount }, (_, bucket) => bucket);
  const limit = defaults.batchSize;
  const from = numbers.map((bucket) => ({ bucket, afterSeq: 0n, limit }));
  const common = { limit, exceptSeqs: [], exceptKeys: [] };
  const owner = "benchmark";
  const owned = await buckets.acquire({ owner, leaseMs: 86_400_000, graceMs: 0, limit: numbers.length });
  const fence = { kind: "buckets", owner, epochs: new Map(owned.map(({ bucket, epoch }) => [bucket, epoch])) } as const;
  const handWritten = await environment.pool.connect();
  environment.onEnd(async () => handWritten.release());

  const timed = (poll: () => Promise<{ readonly length: number }>, expected: number): Round => {
    return async () => {
      const startedAt = performance.now();
      const { length } = await poll();
      const ms = performance.now() - startedAt;
      if (length !== expected) throw new Error(`a poll that must find ${expected} events found ${length}`);
      return ms;
    };
  };
  return {
    omniBox: (kind: Kind, expected: number) =>
      timed(
        () =>
          kind === "pending"
            ? buckets.read({ ...common, from }).then(({ rows }) => rows)
            : buckets.endSchedules(fence, defaults.schedulesPerCall),
        expected,
      ),
    handWritten: (state: State, expected: number) =>
      timed(() => (state === "due" ? readPending : findDue)(handWritten, `"${lane}".outbox_event`, limit), expected),
  };
}
