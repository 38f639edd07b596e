import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRelayFixture } from "../../test/relay-fixture.js";
import { sampleDraft } from "../../test/sample-events.js";
import { OmniBoxError } from "../errors/omni-box-error.js";

type Fixture = ReturnType<typeof createRelayFixture>;

const unreachable = new OmniBoxError("STORE.UNREACHABLE", "no connection");
const dataError = new OmniBoxError("STORE.DATA_ERROR", "refused");

/** What may happen to a relay, besides time going by. */
const happenings: Readonly<Record<string, (fixture: Fixture) => unknown>> = {
  cutBroker: ({ broker }) => broker.disconnect(),
  mendBroker: ({ broker }) => broker.reconnect(),
  blockBroker: ({ broker }) => broker.block(),
  unblockBroker: ({ broker }) => broker.unblock(),
  refuseMessages: ({ broker }) => broker.nackNext(2),
  holdConfirms: ({ broker }) => broker.holdConfirms(),
  releaseConfirms: ({ broker }) => broker.releaseConfirms(),
  dropConfirm: ({ broker }) => broker.dropConfirms(1),
  failClaim: ({ repository }) => repository.failNext("claim", unreachable),
  loseClaim: ({ repository }) => repository.loseAnswerOfNext("claim", unreachable),
  failOutcome: ({ repository }) => repository.failNext("recordCompleted", unreachable, 2),
  loseOutcome: ({ repository }) => repository.loseAnswerOfNext("recordCompleted", unreachable),
  losePending: ({ repository }) => repository.loseAnswerOfNext("recordPending", unreachable),
  refuseOutcome: ({ repository }) => repository.failNext("recordPending", dataError),
  nudge: ({ relay }) => relay.nudge(),
  stop: ({ relay }) => void relay.stop(),
  start: ({ relay }) => void relay.start(),
  leap: ({ clock }) => clock.stepWallClock(20_000),
};

const step = fc.record({
  adds: fc.nat({ max: 4 }),
  rollsBack: fc.boolean(),
  happening: fc.constantFrom(...Object.keys(happenings)),
  thenMs: fc.constantFrom(0, 5, 100, 3_000, 40_000),
});

async function play(fixture: Fixture, steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]) {
  const { clock, relay, repository } = fixture;
  const committed: string[] = [];
  let number = 0;
  void relay.start();
  for (const { adds, rollsBack, happening, thenMs } of steps) {
    const drafts = Array.from({ length: adds }, () => {
      number += 1;
      return sampleDraft({ aggregateId: `${rollsBack ? "phantom" : "order"}-${number}`, maxAttempts: 1_000 });
    });
    const adding = repository.transaction(async (tx) => {
      await repository.add(tx, drafts);
      if (rollsBack) throw new Error("rolled back");
    });
    await adding.then(
      () => committed.push(...drafts.map(({ aggregateId }) => aggregateId)),
      () => undefined,
    );
    happenings[happening]?.(fixture);
    await clock.advance(thenMs);
  }
  return committed;
}

/** Ends every fault and lets the relay finish. */
async function heal({ broker, relay, repository, clock, settle }: Fixture): Promise<void> {
  broker.reconnect();
  broker.unblock();
  broker.releaseConfirms();
  await settle(relay.stop(), 1_000);
  await relay.start();
  for (let leases = 0; leases < 200 && repository.all().some(({ status }) => status === "pending"); leases += 1) {
    await clock.advance(30_000);
  }
  await settle(relay.stop(), 1_000);
}

describe("a relay, whatever happens to it in whatever order,", () => {
  it("publishes every committed event and no other, records each, and leaves nothing running", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 1, max: 4 }),
        async (steps, batchSize) => {
          const fixture = createRelayFixture({ batchSize, retry: { delayMs: () => 50 } });
          const committed = await play(fixture, steps);
          await heal(fixture);
          expect(new Set(fixture.delivered())).toEqual(new Set(committed));
          expect(fixture.repository.all().map(({ status, lease }) => [status, lease])).toEqual(
            committed.map(() => ["completed", null]),
          );
          expect([fixture.relay.state, fixture.clock.pendingTimers]).toEqual(["stopped", 0]);
        },
      ),
      { numRuns: 60 },
    );
  }, 60_000);

  it("spends no attempt on anything but a refusal", async () => {
    const harmless = step.filter(({ happening }) => happening !== "refuseMessages");
    await fc.assert(
      fc.asyncProperty(fc.array(harmless, { minLength: 1, maxLength: 25 }), async (steps) => {
        const fixture = createRelayFixture({ batchSize: 2 });
        await play(fixture, steps);
        await heal(fixture);
        expect(fixture.repository.all().every(({ attemptsMade }) => attemptsMade === 0)).toBe(true);
        expect(fixture.relay.metrics()).toMatchObject({ retried: 0, failed: 0 });
      }),
      { numRuns: 40 },
    );
  }, 60_000);
});
