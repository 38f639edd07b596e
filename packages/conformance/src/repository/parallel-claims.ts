import assert from "node:assert/strict";
import type { RepositoryCase, RepositorySubject, TimedHarness } from "./repository-subject.js";

const claimers = 8;
/** Far more than any store needs; reaching it means that events are stuck. */
const maxRounds = 10_000;

/** Many workers over one store. */
export function parallelClaimCases<Harness extends TimedHarness>({
  name,
  open,
}: RepositorySubject<Harness>): readonly RepositoryCase<Harness>[] {
  return [
    {
      id: `${name}.claim.parallel-never-share`,
      title: "parallel claims never share an event, and together get every one",
      guarantee: "G5",
      requires: ["leasedClaim"],
      async run(harness, features) {
        const producer = open(harness, features);
        const added = await producer.add(400);
        const takenBy = new Map<string, number>();
        const claim = async (worker: number) => {
          const store = open(harness, features);
          for (let round = 0; takenBy.size < added.length; round += 1) {
            assert.ok(round < maxRounds, `${added.length - takenBy.size} events could not be claimed`);
            const limit = 5 + worker;
            const { events } = await store.take({ limit, workerId: `worker-${worker}` });
            assert.ok(events.length <= limit, `${events.length} events for a limit of ${limit}`);
            for (const { id } of events) {
              assert.ok(!takenBy.has(id), `workers ${takenBy.get(id)} and ${worker} got the same event`);
              takenBy.set(id, worker);
            }
          }
        };
        await Promise.all(Array.from({ length: claimers }, (_, worker) => claim(worker)));
        assert.equal(takenBy.size, added.length);
      },
    },
    {
      id: `${name}.claim.parallel-order`,
      title: "every batch of parallel claims is in seq order",
      guarantee: "G4",
      requires: ["leasedClaim"],
      async run(harness, features) {
        await open(harness, features).add(200);
        const batches = await Promise.all(
          Array.from({ length: claimers }, () => open(harness, features).take({ limit: 20 })),
        );
        for (const { events } of batches) {
          const seqs = events.map(({ seq }) => seq);
          assert.deepEqual(
            seqs,
            [...seqs].sort((a, b) => (a < b ? -1 : 1)),
          );
        }
      },
    },
  ];
}
