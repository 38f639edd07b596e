import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OpenWriter } from "../protocols/bucket-operations.js";
import { createBucketCursors } from "./bucket-cursors.js";
import { createLateCommits } from "./late-commits.js";

const patienceMs = 100;

function setUp() {
  let nowMs = 0;
  const late = createLateCommits(patienceMs, () => nowMs);
  return {
    late,
    noted: (seqs: readonly bigint[], ...writers: readonly OpenWriter[]) => late.noted({ seqs, writers }),
    pass(ms: number) {
      nowMs += ms;
    },
  };
}

const hidden = (id: string): OpenWriter => ({ id, isHidden: true });
const perhapsSeen = (id: string): OpenWriter => ({ id, isHidden: false });

describe("reading goes back", () => {
  it("to what the last answer but one had read, while nobody writes", () => {
    const { late, noted } = setUp();
    const begins = [late.seenTo];
    for (const seq of [5n, 9n, 12n]) {
      expect(noted([seq])).toBe(null);
      begins.push(late.seenTo);
    }
    expect(begins).toEqual([0n, 0n, 5n, 9n]);
  });

  it("to what was read before a transaction was seen, and stays there until the last answer but one was without it", () => {
    const { late, noted } = setUp();
    noted([5n]);
    noted([9n], hidden("a"));
    noted([12n], perhapsSeen("a"));
    expect(late.seenTo).toBe(5n);
    noted([14n]);
    expect(late.seenTo).toBe(5n);
    noted([]);
    expect(late.seenTo).toBe(14n);
  });

  it("no more for a transaction that is open for long, until it has ended: that answer is dropped", () => {
    const { late, noted, pass } = setUp();
    noted([5n]);
    noted([9n], hidden("a"));
    pass(patienceMs);
    noted([12n], hidden("a"));
    noted([14n], hidden("a"));
    noted([20n], hidden("a"));
    expect(late.seenTo).toBe(14n);
    expect(noted([21n])).toBe(5n);
    expect(noted([21n])).toBe(null);
  });

  it("for a transaction whose lock has outlived it until that is gone as well", () => {
    const { late, noted, pass } = setUp();
    noted([5n], hidden("a"));
    pass(patienceMs);
    noted([], hidden("a"));
    noted([9n], hidden("a"));
    expect(noted([10n], perhapsSeen("a"))).toBe(0n);
    expect(noted([10n], perhapsSeen("a"))).toBe(null);
    noted([]);
    expect(late.seenTo).toBe(0n);
    noted([]);
    expect(late.seenTo).toBe(10n);
  });

  it("no further for transactions that follow one another than for one", () => {
    const { late, noted } = setUp();
    for (let seq = 1n; seq <= 1_000n; seq += 1n) noted([seq], hidden(`${seq}`), hidden(`${seq + 1n}`));
    expect(late.seenTo).toBe(997n);
  });
});

/** A transaction that adds events of keys. */
interface Transaction {
  readonly id: string;
  readonly keys: readonly number[];
  readonly added: { readonly seq: number; readonly key: number }[];
  state: "locking" | "visible" | "over";
}

/** What happens next in a schedule, `which` of those that are there. */
const happening = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("begin" as const),
      keys: fc.array(fc.nat(4), { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("add" as const), which: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("commit" as const), which: fc.nat(5) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("unlock" as const), which: fc.nat(5) }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("snapshot" as const), beginnings: fc.integer({ min: 1, max: 2 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("again" as const), bucket: fc.nat(1) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("look" as const), limit: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("pass" as const) }) },
);

describe("in every schedule", () => {
  it("of transactions that lock, add, become visible and unlock, and of readings between them, each key is read in order and nothing is left out", () => {
    const bucketOf = (key: number) => key % 2;
    fc.assert(
      fc.property(fc.array(happening, { minLength: 20, maxLength: 120 }), (happenings) => {
        let nowMs = 0;
        let lastSeq = 0;
        const transactions: Transaction[] = [];
        const cursors = createBucketCursors();
        const late = createLateCommits(patienceMs, () => nowMs);
        /** In the order in which they were taken. */
        const taken: { seq: number; key: number }[] = [];
        let snapshot: {
          readonly from: ReturnType<typeof cursors.positions>;
          readonly visible: ReadonlySet<Transaction>;
        } | null = null;

        const at = (which: number, state: Transaction["state"]) => {
          const those = transactions.filter((transaction) => transaction.state === state);
          return those[which % Math.max(1, those.length)];
        };
        const holds = (key: number) =>
          transactions.some(({ state, keys, added }) => state === "locking" && added.length > 0 && keys.includes(key));

        function show(beginnings: number): void {
          cursors.rewindTo(late.seenTo);
          const from = cursors.positions([0, 1], { limit: 3, ofBucket: () => 3, beginnings });
          snapshot = { from, visible: new Set(transactions.filter(({ state }) => state !== "locking")) };
        }

        function look(limit: number): void {
          if (snapshot === null) return;
          const { from, visible } = snapshot;
          snapshot = null;
          const wanted = [...visible]
            .flatMap(({ added }) => added)
            .filter(({ seq }) => taken.every((event) => event.seq !== seq));
          wanted.sort((a, b) => a.seq - b.seq);
          const rows = from
            .flatMap((position) =>
              wanted
                .filter(({ seq, key }) => bucketOf(key) === position.bucket && BigInt(seq) > position.afterSeq)
                .slice(0, position.limit),
            )
            .slice(0, limit);
          const writers = transactions.filter(({ state }) => state !== "over");
          const again = late.noted({
            seqs: rows.map(({ seq }) => BigInt(seq)),
            writers: writers.map((writer) => ({ id: writer.id, isHidden: !visible.has(writer) })),
          });
          if (again !== null) {
            cursors.rewindTo(again);
            return;
          }
          cursors.advance(rows.map(({ seq, key }) => ({ bucket: bucketOf(key), seq: BigInt(seq) })));
          const ended = from.filter(({ bucket, limit: most }) => {
            const given = rows.filter(({ key }) => bucketOf(key) === bucket).length;
            return rows.length < limit && given < most;
          });
          cursors.atEnd(ended.map(({ bucket }) => bucket));
          taken.push(...rows);
        }

        for (const next of happenings) {
          switch (next.kind) {
            case "begin":
              transactions.push({
                id: String(transactions.length),
                keys: [...new Set(next.keys)],
                added: [],
                state: "locking",
              });
              break;
            case "add": {
              const transaction = at(next.which, "locking");
              // It has locked its keys before, which are free as soon as the one before is visible.
              if (transaction === undefined || (transaction.added.length === 0 && transaction.keys.some(holds))) break;
              for (const key of transaction.keys) {
                lastSeq += 1;
                transaction.added.push({ seq: lastSeq, key });
              }
              break;
            }
            case "commit": {
              const transaction = at(next.which, "locking");
              if (transaction !== undefined) transaction.state = "visible";
              break;
            }
            case "unlock": {
              const transaction = at(next.which, "visible");
              if (transaction !== undefined) transaction.state = "over";
              break;
            }
            case "snapshot":
              if (snapshot === null) show(next.beginnings);
              break;
            case "again":
              if (snapshot === null) cursors.forget(next.bucket);
              break;
            case "look":
              look(next.limit);
              break;
            case "pass":
              nowMs += patienceMs;
          }
        }
        for (const transaction of transactions) transaction.state = "over";
        look(6);
        for (let reading = 0; reading < 8 * lastSeq + 8; reading += 1) {
          show(1);
          look(6);
        }

        const all = transactions.flatMap(({ added }) => added);
        expect(taken.map(({ seq }) => seq).sort((a, b) => a - b)).toEqual(
          all.map(({ seq }) => seq).sort((a, b) => a - b),
        );
        for (const key of [0, 1, 2, 3, 4]) {
          const read = taken.filter((event) => event.key === key).map(({ seq }) => seq);
          expect(read).toEqual([...read].sort((a, b) => a - b));
        }
      }),
      { numRuns: 1_500 },
    );
  });
});
