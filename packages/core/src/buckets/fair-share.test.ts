import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { BucketSurvey } from "../protocols/bucket-operations.js";
import { fairShare } from "./fair-share.js";

function survey(bucketCount: number, owned: Readonly<Record<string, number>>): BucketSurvey {
  const workers = Object.entries(owned).map(([id, count]) => ({ id, owned: count }));
  return { workers, bucketCount, free: bucketCount - workers.reduce((sum, worker) => sum + worker.owned, 0) };
}

describe("the fair share", () => {
  it("of the only worker is every bucket", () => {
    expect(fairShare(survey(64, { a: 0 }), "a", 0)).toEqual({ lacks: 64, giveUp: 0, least: 64 });
  });

  it("counts a worker that owns nothing, so that others give up for it", () => {
    expect(fairShare(survey(64, { a: 64, b: 0 }), "a", 64)).toEqual({ lacks: 0, giveUp: 32, least: 32 });
  });

  it("counts the worker itself, also when the survey does not list it", () => {
    expect(fairShare(survey(64, { b: 32 }), "a", 0)).toEqual({ lacks: 32, giveUp: 0, least: 32 });
  });

  it("rounds up only when nobody is below the share rounded down", () => {
    expect(fairShare(survey(4, { a: 1, b: 1, c: 0 }), "a", 1).lacks).toBe(0);
    expect(fairShare(survey(4, { a: 1, b: 1, c: 1 }), "a", 1).lacks).toBe(1);
  });

  it("above the share rounded down is given up only while another lacks more than is free", () => {
    expect(fairShare(survey(7, { a: 3, b: 3, c: 1 }), "a", 3).giveUp).toBe(1);
    expect(fairShare(survey(7, { a: 3, b: 2, c: 1 }), "a", 3).giveUp).toBe(0);
    expect(fairShare(survey(7, { a: 3, b: 2, c: 2 }), "a", 3).giveUp).toBe(0);
  });

  it("does not count buckets whose acquisition was never answered", () => {
    // The survey says 64, but this worker knows nothing of them, and they are free again.
    const afterLostAnswer = { workers: [{ id: "a", owned: 64 }], bucketCount: 64, free: 64 };
    expect(fairShare(afterLostAnswer, "a", 0).lacks).toBe(64);
  });
});

/** Workers that follow the rule on surveys of any age. Buckets are only counted. */
class Fleet {
  private readonly workers = new Map<string, { kept: number; draining: number; seen: BucketSurvey | null }>();
  /** Of dead workers, whose leases have not run out. */
  private lapsing = 0;
  private named = 0;
  free: number;
  changes = 0;

  /** @param shares - of the workers that are there already, as far as there are buckets */
  constructor(
    readonly bucketCount: number,
    shares: readonly number[],
  ) {
    this.free = bucketCount;
    for (const share of shares) this.join(Math.min(share, this.free));
  }

  get ids(): string[] {
    return [...this.workers.keys()];
  }

  get shares(): number[] {
    return [...this.workers.values()].map(({ kept, draining }) => kept + draining);
  }

  join(kept = 0): void {
    this.named += 1;
    this.free -= kept;
    this.workers.set(`w${this.named}`, { kept, draining: 0, seen: null });
  }

  /** Gives everything back, or dies with it. */
  end(id: string, how: "leaves" | "dies"): void {
    const { kept, draining } = this.of(id);
    if (how === "leaves") this.free += kept + draining;
    else this.lapsing += kept + draining;
    this.workers.delete(id);
  }

  expire(): void {
    this.free += this.lapsing;
    this.lapsing = 0;
  }

  look(id: string): void {
    const workers = [...this.workers].map(([other, { kept, draining }]) => ({ id: other, owned: kept + draining }));
    this.of(id).seen = { workers, bucketCount: this.bucketCount, free: this.free };
  }

  act(id: string): void {
    const worker = this.of(id);
    if (worker.seen === null) return;
    const takenBack = Math.min(worker.draining, fairShare(worker.seen, id, worker.kept).lacks);
    worker.kept += takenBack;
    worker.draining -= takenBack;
    const { lacks, giveUp } = fairShare(worker.seen, id, worker.kept);
    const acquired = Math.min(lacks, worker.seen.free, this.free);
    worker.kept += acquired - giveUp;
    worker.draining += giveUp;
    this.free -= acquired;
    this.changes += takenBack + giveUp + acquired;
    worker.seen = null;
  }

  release(id: string): void {
    const worker = this.of(id);
    this.free += worker.draining;
    worker.draining = 0;
  }

  private of(id: string) {
    const worker = this.workers.get(id);
    if (worker === undefined) throw new Error(`no worker ${id}`);
    return worker;
  }
}

const steps = ["join", "leaves", "dies", "expire", "look", "act", "release"] as const;
const random = fc.nat({ max: 1_000 });
const histories = fc.record({
  bucketCount: fc.integer({ min: 1, max: 70 }),
  shares: fc.array(fc.nat({ max: 30 }), { maxLength: 6 }),
  history: fc.array(fc.tuple(fc.constantFrom(...steps), random), { maxLength: 120 }),
  order: fc.array(fc.tuple(random, fc.boolean()), { minLength: 12, maxLength: 12 }),
});

function takeStep(fleet: Fleet, step: (typeof steps)[number], pick: number): void {
  const id = fleet.ids[pick % Math.max(1, fleet.ids.length)];
  if (step === "join") fleet.join();
  else if (step === "expire") fleet.expire();
  else if (id === undefined) return;
  else if (step === "leaves" || step === "dies") fleet.end(id, step);
  else fleet[step](id);
}

/** Every worker looks and acts once: one after the other, or all on what they saw at the same moment. */
function round(fleet: Fleet, rotation: number, isAtOnce: boolean): void {
  const { ids } = fleet;
  const order = [...ids.slice(rotation % ids.length), ...ids.slice(0, rotation % ids.length)];
  if (isAtOnce) for (const id of order) fleet.look(id);
  for (const id of order) {
    if (!isAtOnce) fleet.look(id);
    fleet.act(id);
  }
  for (const id of order) fleet.release(id);
}

describe("workers that each follow the rule of the fair share", () => {
  it("come to even shares with nothing left over, and stay there, whatever happened before and in whatever order they act", () => {
    fc.assert(
      fc.property(histories, ({ bucketCount, shares, history, order }) => {
        const fleet = new Fleet(bucketCount, shares);
        for (const [step, pick] of history) takeStep(fleet, step, pick);
        if (fleet.ids.length === 0) fleet.join();
        fleet.expire();
        const even = bucketCount / fleet.ids.length;
        order.forEach(([rotation, isAtOnce], index) => {
          const before = fleet.changes;
          round(fleet, rotation, isAtOnce);
          // The first rounds may still act on what was seen long ago.
          if (index >= order.length / 2) expect(fleet.changes).toBe(before);
        });
        expect(fleet.free).toBe(0);
        for (const share of fleet.shares) {
          expect([Math.floor(even), Math.ceil(even)]).toContain(share);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
