import assert from "node:assert/strict";
import type { OutboxRepositoryCase } from "./outbox-repository-case.js";
import { type OutboxScenario, openOutbox } from "./outbox-scenario.js";
import { sampleEvents } from "./sample-event.js";

const _claimers = 8;
/** Far more than any store needs; reaching it means that events are stuck. */
const maxRounds = 10_000;

/** Many workers over one store. */
export const parallelClaimCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.claim.parallel-producers",
    title: "claims that run while transactions commit and roll back get each committed event once and no other",
    guarantee: "G2",
    requires: ["leasedClaim", "concurrentTransactions"],
    async run(harness, features) {
      const committed = new Set<string>();
      const completed: string[] = [];
      let producing = true;
      const produce = async (producer: number) => {
        const outbox = openOutbox(harness, features);
        for (let turn = 0; turn < 15; turn += 1) {
          const adding = addThen(harness.transaction, outbox, turn % 3 === producer % 3);
          for (const id of await adding) committed.add(id);
        }
      };
      const consume = async () => {
        const outbox = openOutbox(harness, features);
        for (let round = 0; round < maxRounds; round += 1) {
          const last = !producing;
          const taken = await outbox.take({ limit: 7 });
          const { missing } = await outbox.complete(taken);
          assert.deepEqual(missing, [], "an unexpired lease was lost");
          completed.push(...taken.events.map(({ id }) => id));
          if (last && taken.events.length === 0) return;
        }
        assert.fail("the claims never came to an end");
      };
      const producers = Promise.all([0, 1, 2, 3].map(produce)).finally(() => {
        producing = false;
      });
      await Promise.all([producers, consume(), consume(), consume()]);
      assert.equal(completed.length, new Set(completed).size, "an event was taken twice");
      assert.deepEqual(new Set(completed), committed);
    },
  },
];

/** Adds three events and commits or rolls back; returns the ids that now exist. */
async function addThen(
  transaction: <Result>(work: (tx: unknown) => Promise<Result>) => Promise<Result>,
  { repository }: OutboxScenario,
  rollBack: boolean,
): Promise<string[]> {
  const rolledBack = new Error("rolled back by the case");
  try {
    return await transaction(async (tx) => {
      const added = await repository.add(tx, sampleEvents(3));
      if (rollBack) throw rolledBack;
      return added.map(({ id }) => id);
    });
  } catch (error) {
    if (error !== rolledBack) throw error;
    return [];
  }
}
