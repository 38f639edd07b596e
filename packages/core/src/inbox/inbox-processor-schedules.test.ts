import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createInboxProcessorFixture, inboxRow } from "../../test/inbox-processor-fixture.js";
import { OmniBoxError } from "../errors/omni-box-error.js";

type Fixture = ReturnType<typeof createInboxProcessorFixture>;
type Worker = ReturnType<Fixture["process"]>;

const unreachable = new OmniBoxError("STORE.UNREACHABLE", "no connection");
const conflict = new OmniBoxError("STORE.CONFLICT", "deadlock");

/** What may happen to one of the processes, besides time going by. */
const happenings: Readonly<Record<string, (worker: Worker, fixture: Fixture) => unknown>> = {
  nothing: () => undefined,
  outage: ({ repository }) => repository.failAll(unreachable),
  mend: ({ repository }) => repository.failAll(null),
  failBegin: ({ repository }) => repository.failNext("begin", unreachable, 2),
  failHeartbeats: ({ repository }) => repository.failNext("extendLease", unreachable, 10),
  loseHeartbeat: ({ repository }) => repository.loseAnswerOfNext("extendLease", unreachable),
  loseClaim: ({ repository }) => repository.loseAnswerOfNext("claim", unreachable),
  loseCommit: ({ repository }) => repository.loseAnswerOfNext("commit", unreachable),
  failCommit: ({ repository }) => repository.failNext("commit", conflict),
  losePending: ({ repository }) => repository.loseAnswerOfNext("recordPending", unreachable),
  loseStart: ({ repository }) => repository.loseAnswerOfNext("recordStarted", unreachable),
  stop: ({ processor }) => void processor.stop(),
  start: ({ processor }) => void processor.start().catch(() => undefined),
  nudge: ({ processor }) => processor.nudge(),
  leap: (_worker, { clock }) => clock.stepWallClock(2_500),
};

const step = fc.record({
  stores: fc.nat({ max: 4 }),
  process: fc.nat({ max: 1 }),
  happening: fc.constantFrom(...Object.keys(happenings)),
  thenMs: fc.constantFrom(0, 5, 100, 1_000, 5_000),
});
const plan = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 20 }),
  /** Before which steps the process is killed and another takes its place: too seldom for an innocent to be failed. */
  kills: fc.uniqueArray(fc.nat({ max: 19 }), { maxLength: 3 }),
  ordering: fc.constantFrom("none" as const, "perKey" as const),
  concurrency: fc.integer({ min: 1, max: 3 }),
  workMs: fc.constantFrom(0, 10, 3_000),
});

async function play({
  steps,
  kills,
  ordering,
  concurrency,
  workMs,
}: typeof plan extends fc.Arbitrary<infer P> ? P : never) {
  const fixture = createInboxProcessorFixture();
  const { clock, store, inbox, effects, settle } = fixture;
  const stored: string[] = [];
  const newWorker = () =>
    fixture.process(
      async (id, { attempt }) => {
        await fixture.after(workMs);
        // Every fourth message fails at first.
        if (attempt === 1 && Number(id.split(":")[1]) % 4 === 0) throw new Error("not yet");
      },
      { ordering, concurrency, batchSize: 4, leaseMs: 2_000, retry: { delayMs: () => 50 } },
    );
  const workers = [newWorker(), newWorker()];
  for (const { processor } of workers) void processor.start();
  for (const [index, { stores, process, happening, thenMs }] of steps.entries()) {
    for (let count = 0; count < stores; count += 1) {
      const id = `${stored.length % 3}:${stored.length}`;
      stored.push(id);
      await store(inboxRow(id, { partitionKey: id.slice(0, 1) }));
    }
    if (kills.includes(index)) {
      workers[process]?.repository.kill();
      workers[process] = newWorker();
      void workers[process]?.processor.start();
    }
    const worker = workers[process];
    if (worker !== undefined) happenings[happening]?.(worker, fixture);
    await clock.advance(thenMs);
  }
  for (const { processor, repository } of workers) {
    repository.failAll(null);
    await settle(processor.stop(), 1_000);
    await processor.start();
  }
  const isPending = () => inbox.all().some(({ status }) => status === "pending");
  for (let turns = 0; turns < 300 && isPending(); turns += 1) await clock.advance(5_000);
  for (const { processor } of workers) await settle(processor.stop(), 1_000);
  return { stored, effects, inbox, states: workers.map(({ processor }) => processor.state) };
}

describe("inbox processors, whatever happens to them in whatever order,", () => {
  it("apply every stored event exactly once, fail none, and leave none leased", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const { stored, effects, inbox, states } = await play(given);
        expect([...effects].sort()).toEqual([...stored].sort());
        expect(inbox.all().map(({ status, lease, startedAttempts }) => [status, lease, startedAttempts])).toEqual(
          stored.map(() => ["completed", null, 0]),
        );
        expect(states).toEqual(["stopped", "stopped"]);
      }),
      { numRuns: 80, seed: 3_141_592 },
    );
  }, 60_000);

  it("keep the events of each key in order when asked to", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async (given) => {
        const { stored, effects } = await play({ ...given, ordering: "perKey" });
        for (const key of ["0", "1", "2"]) {
          const ofKey = (ids: readonly string[]) => ids.filter((id) => id.startsWith(key));
          expect(ofKey(effects)).toEqual(ofKey(stored));
        }
      }),
      { numRuns: 40, seed: 2_718_281 },
    );
  }, 60_000);
});
