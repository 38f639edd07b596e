import type { BucketFence, EventRef } from "@omni-box/core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createPostgresqlOutboxDialect } from "../src/postgresql/create-outbox-dialect.js";
import type { Statement } from "../src/statement.js";
import { addToBucket, type BucketWorker, type OutcomeKind, outcomes, startBucketWorker } from "./bucket-worker.js";
import type { PrismaClient } from "./generated/client.js";
import { openTestDatabase, type TestDatabase } from "./open-test-database.js";
import { untilWaiting } from "./until-waiting.js";

/** Statements of several connections that meet in the rows of `outbox_bucket` and `outbox_event`. */
let database: TestDatabase;
let slow: BucketWorker;
let successor: BucketWorker;
beforeAll(async () => {
  database = await openTestDatabase();
  slow = startBucketWorker(database);
  successor = startBucketWorker(database);
});
afterAll(() => database.close());
beforeEach(() => database.empty());

type Tx = Parameters<Parameters<PrismaClient["$transaction"]>[0]>[0];
const kinds = Object.keys(outcomes) as OutcomeKind[];
const dialect = () => createPostgresqlOutboxDialect({ schema: database.schema, onPublished: "delete" });
const run = (tx: Tx, { sql, values }: Statement) => tx.$executeRawUnsafe(sql, ...values);
const acquireAs = (owner: string, limit: number) =>
  dialect().buckets.acquire({ owner, leaseMs: 60_000, graceMs: 0, limit });

/** Runs `work` while another transaction has done something that it commits only afterwards, or rolls back. */
async function beside<Result extends object>(
  hold: (tx: Tx) => Promise<unknown>,
  work: () => Promise<Result>,
  end: "commit" | "rollback" = "commit",
): Promise<Result> {
  let result: Result | undefined;
  const rolledBack = new Error("rolled back on purpose");
  await database.prisma
    .$transaction(async (tx) => {
      await hold(tx);
      result = await work();
      if (end === "rollback") throw rolledBack;
    })
    .catch((error: unknown) => {
      if (error !== rolledBack) throw error;
    });
  if (result === undefined) throw new Error("the work came to no end");
  return result;
}

/** What keeps an outcome waiting for an event's row: its lock alone, or a new version of it. */
const operators: Readonly<Record<string, (tx: Tx, ref: EventRef | undefined) => Promise<unknown>>> = {
  "has locked an event": (tx, ref) =>
    tx.$queryRawUnsafe(`SELECT seq FROM ${database.schema}.outbox_event WHERE seq = $1 FOR UPDATE`, ref?.seq),
  "has changed an event": (tx, ref) =>
    tx.$executeRawUnsafe(`UPDATE ${database.schema}.outbox_event SET topic = 'corrected' WHERE seq = $1`, ref?.seq),
};

const statusesOf = async (refs: readonly EventRef[]) =>
  Promise.all(refs.map(async ({ id }) => (await slow.repository.findById(id))?.status ?? "gone"));
const statusAfter = { completed: "gone", pending: "pending", failed: "failed" } as const;

describe.each(Object.entries(operators))("an outcome that waits, because an operator %s,", (_name, hold) => {
  it.each(kinds)("keeps its bucket from being taken over until it is written: %s", async (kind) => {
    const fence = await slow.acquire(2, { leaseMs: 1 });
    const refs = await addToBucket(database, 0, 3);
    await database.advanceTime(60_000);
    const { recording } = await beside(
      (tx) => hold(tx, refs[2]),
      async () => {
        const recorded = outcomes[kind](slow, fence, refs);
        await untilWaiting(database);
        // Both leases are over, and nobody waits: the one in use is passed over.
        expect([...(await successor.acquire(2)).epochs.keys()]).toEqual([2, 3]);
        return { recording: recorded };
      },
    );
    expect(await recording).toEqual({ missing: [] });
    expect(await statusesOf(refs)).toEqual(Array(3).fill(statusAfter[kind]));

    const taken = await successor.acquire(1);
    expect(taken.epochs).toEqual(new Map([[0, 2n]]));
    expect(await outcomes[kind](slow, fence, refs)).toEqual({ missing: kind === "pending" ? refs : [] });
  });

  it("would be written under a lost fence if it did not lock its bucket, so the lock is what these tests see", async () => {
    const fence = await slow.acquire(1, { leaseMs: 1 });
    const refs = await addToBucket(database, 0, 3);
    await database.advanceTime(60_000);
    const { sql, values } = dialect().recordFailed(
      fence,
      refs.map((ref) => ({ ...ref, attemptsMade: 1, error: "given up" })),
    );
    const { recording } = await beside(
      (tx) => hold(tx, refs[2]),
      async () => {
        const unlocked = database.prisma.$queryRawUnsafe(sql.replace("FOR KEY SHARE", ""), ...values).then(() => {});
        await untilWaiting(database);
        expect((await successor.acquire(1)).epochs).toEqual(new Map([[0, 2n]]));
        return { recording: unlocked };
      },
    );
    await recording;
    expect(await statusesOf(refs)).toEqual(Array(3).fill("failed"));
  });

  it("keeps the bucket through a renewal, which does not wait for it", async () => {
    const fence = await slow.acquire(1);
    const refs = await addToBucket(database, 0, 2);
    const { recording } = await beside(
      (tx) => hold(tx, refs[1]),
      async () => {
        const recorded = outcomes.failed(slow, fence, refs);
        await untilWaiting(database);
        expect((await slow.buckets.renew(fence, 60_000)).held).toEqual([0]);
        await database.prisma.$executeRawUnsafe(
          `UPDATE ${database.schema}.outbox_bucket SET lease_until = statement_timestamp(), unclean_takeovers = 1`,
        );
        await slow.buckets.markClean(fence);
        expect((await successor.acquire(64)).epochs.has(0)).toBe(false);
        return { recording: recorded };
      },
    );
    expect(await recording).toEqual({ missing: [] });
    expect((await successor.acquire(64)).epochs).toEqual(new Map([[0, 2n]]));
  });

  it("makes a take-over by hand wait, which locks nothing first but changes the epoch", async () => {
    const fence = await slow.acquire(1);
    const refs = await addToBucket(database, 0, 2);
    const { recording, taking } = await beside(
      (tx) => hold(tx, refs[1]),
      async () => {
        const recorded = outcomes.failed(slow, fence, refs);
        await untilWaiting(database);
        const byHand = database.prisma
          .$executeRawUnsafe(
            `UPDATE ${database.schema}.outbox_bucket SET owner = 'operator', epoch = epoch + 1 WHERE bucket = 0`,
          )
          .then(() => statusesOf(refs));
        await untilWaiting(database, 2);
        return { recording: recorded, taking: byHand };
      },
    );
    expect(await taking).toEqual(["failed", "failed"]);
    expect(await recording).toEqual({ missing: [] });
  });
});

describe("a take-over that is not committed yet", () => {
  it.each(kinds)("makes an outcome wait, which then writes nothing and says so: %s", async (kind) => {
    const fence = await slow.acquire(1, { leaseMs: 1 });
    const refs = await addToBucket(database, 0, 3);
    await database.advanceTime(60_000);
    const { recording } = await beside(
      (tx) => run(tx, acquireAs(successor.owner, 1)),
      async () => {
        const recorded = outcomes[kind](slow, fence, refs);
        await untilWaiting(database);
        return { recording: recorded };
      },
    );
    expect(await recording).toEqual({ missing: refs });
    expect(await statusesOf(refs)).toEqual(Array(3).fill("pending"));
    expect((await slow.repository.findById(refs[0]?.id ?? ""))?.lastError).toBeNull();
    expect(await successor.read(0)).toEqual(refs.map(({ seq }) => seq));
  });

  it("does not keep an outcome from being written if it is rolled back", async () => {
    const fence = await slow.acquire(1, { leaseMs: 1 });
    const refs = await addToBucket(database, 0, 3);
    await database.advanceTime(60_000);
    const { recording } = await beside(
      (tx) => run(tx, acquireAs(successor.owner, 1)),
      async () => {
        const recorded = outcomes.failed(slow, fence, refs);
        await untilWaiting(database);
        return { recording: recorded };
      },
      "rollback",
    );
    expect(await recording).toEqual({ missing: [] });
    expect(await statusesOf(refs)).toEqual(Array(3).fill("failed"));
  });

  it("costs a batch of several buckets only the events of the one that is lost", async () => {
    const fence = await slow.acquire(3);
    const [kept, lost, other] = await Promise.all([0, 1, 2].map((bucket) => addToBucket(database, bucket, 2)));
    const rows = [...(kept ?? []), ...(lost ?? []), ...(other ?? [])];
    await database.prisma.$executeRawUnsafe(
      `UPDATE ${database.schema}.outbox_bucket SET lease_until = statement_timestamp() WHERE bucket = 1`,
    );
    const { recording } = await beside(
      (tx) => run(tx, acquireAs(successor.owner, 1)),
      async () => {
        const recorded = outcomes.completed(slow, fence, rows);
        await untilWaiting(database);
        return { recording: recorded };
      },
    );
    expect(await recording).toEqual({ missing: lost });
    expect(await database.prisma.outboxEvent.count()).toBe(2);
  });

  it("is seen by a read only afterwards, so that what the former owner was still writing is not read again", async () => {
    const fence = await slow.acquire(1, { leaseMs: 1 });
    const refs = await addToBucket(database, 0, 3);
    await database.advanceTime(60_000);
    await beside(
      (tx) => run(tx, dialect().recordCompleted(fence, refs.slice(0, 2))),
      async () => {
        expect((await successor.acquire(64)).epochs.has(0)).toBe(false);
        return {};
      },
    );
    expect((await successor.acquire(64)).epochs.has(0)).toBe(true);
    expect(await successor.read(0)).toEqual([refs[2]?.seq]);
  });
});

describe("the end of schedules", () => {
  async function addScheduled(count: number): Promise<EventRef[]> {
    const refs = await addToBucket(database, 0, count);
    await database.prisma.$executeRawUnsafe(
      `UPDATE ${database.schema}.outbox_event SET scheduled_at = statement_timestamp() - interval '1 minute'`,
    );
    return refs;
  }
  const hasSchedule = async (refs: readonly EventRef[]) =>
    Promise.all(refs.map(async ({ id }) => (await slow.repository.findById(id))?.scheduledAt != null));
  const numbers = (refs: readonly EventRef[]) => refs.map(({ seq }) => ({ bucket: 0, seq }));

  it("keeps its bucket from being taken over until it is committed", async () => {
    const fence = await slow.acquire(1, { leaseMs: 1 });
    const refs = await addScheduled(3);
    await database.advanceTime(60_000);
    const { taken } = await beside(
      (tx) => run(tx, dialect().buckets.endSchedules(fence, 10)),
      async () => ({ taken: await successor.acquire(1) }),
    );
    expect([...taken.epochs.keys()]).toEqual([1]);
    expect(await hasSchedule(refs)).toEqual([false, false, false]);
  });

  it.each(Object.entries(operators))("passes over an event that an operator %s", async (_name, hold) => {
    const fence = await slow.acquire(1);
    const refs = await addScheduled(3);
    const { ended } = await beside(
      (tx) => hold(tx, refs[1]),
      async () => ({ ended: await slow.buckets.endSchedules(fence, 10) }),
    );
    expect(ended).toEqual(numbers(refs.filter((_, index) => index !== 1)));
    expect(await slow.buckets.endSchedules(fence, 10)).toEqual(numbers(refs.slice(1, 2)));
  });

  it("waits for a take-over that is not committed yet, and then ends nothing", async () => {
    const fence = await slow.acquire(1, { leaseMs: 1 });
    const refs = await addScheduled(2);
    await database.advanceTime(60_000);
    const { ending } = await beside(
      (tx) => run(tx, acquireAs(successor.owner, 1)),
      async () => {
        const ended = slow.buckets.endSchedules(fence, 10);
        await untilWaiting(database);
        return { ending: ended };
      },
    );
    expect(await ending).toEqual([]);
    expect(await hasSchedule(refs)).toEqual([true, true]);
  });

  it("leaves alone what was put off, settled or ended while it waited for its bucket", async () => {
    const fence = await slow.acquire(1);
    const refs = await addScheduled(4);
    const [putOff, failed, ended] = refs;
    const set = (tx: Tx, change: string, ref: EventRef | undefined) =>
      tx.$executeRawUnsafe(`UPDATE ${database.schema}.outbox_event SET ${change} WHERE seq = $1`, ref?.seq);
    const { ending } = await beside(
      async (tx) => {
        await set(tx, "scheduled_at = statement_timestamp() + interval '1 hour'", putOff);
        await set(tx, "status = 'failed'", failed);
        await set(tx, "scheduled_at = NULL", ended);
        await tx.$queryRawUnsafe(`SELECT bucket FROM ${database.schema}.outbox_bucket WHERE bucket = 0 FOR UPDATE`);
      },
      async () => {
        const begun = slow.buckets.endSchedules(fence, 10);
        await untilWaiting(database);
        return { ending: begun };
      },
    );
    expect(await ending).toEqual(numbers(refs.slice(3)));
    expect(await hasSchedule(refs)).toEqual([true, true, false, false]);
  });
});

describe("a renewal that is not committed yet", () => {
  it("keeps no outcome waiting", async () => {
    const fence = await slow.acquire(1);
    const refs = await addToBucket(database, 0, 2);
    await beside(
      (tx) => run(tx, dialect().buckets.renew(fence, 60_000)),
      async () => ({ ended: expect(await outcomes.failed(slow, fence, refs)).toEqual({ missing: [] }) }),
    );
    expect(await statusesOf(refs)).toEqual(["failed", "failed"]);
  });

  it("keeps others from taking the bucket whose lease it extends", async () => {
    const fence = await slow.acquire(1, { leaseMs: 1 });
    await database.advanceTime(60_000);
    await beside(
      (tx) => run(tx, dialect().buckets.renew(fence, 60_000)),
      async () => ({ epochs: expect((await successor.acquire(1)).epochs).toEqual(new Map([[1, 1n]])) }),
    );
    expect((await successor.acquire(1)).epochs).toEqual(new Map([[2, 1n]]));
  });

  it("is passed over by a release of the same bucket, which says so; the next one gives it up, clean", async () => {
    const fence = await slow.acquire(2);
    const passedOver = await beside(
      (tx) => run(tx, dialect().buckets.renew({ ...fence, epochs: new Map([[0, 1n]]) }, 60_000)),
      () => slow.buckets.release(fence),
    );
    expect(passedOver).toEqual([0]);
    expect(await slow.buckets.release(fence)).toEqual([]);
    expect(await successor.buckets.acquire({ owner: "next", leaseMs: 1, graceMs: 0, limit: 2 })).toEqual([
      { bucket: 0, epoch: 2n, uncleanTakeovers: 0 },
      { bucket: 1, epoch: 2n, uncleanTakeovers: 0 },
    ]);
  });
});

describe("a bucket's row that somebody has locked by hand", () => {
  const lockOf = (bucket: number) => (tx: Tx) =>
    tx.$queryRawUnsafe(`SELECT bucket FROM ${database.schema}.outbox_bucket WHERE bucket = $1 FOR UPDATE`, bucket);
  const secondsLeft = () =>
    database.prisma.$queryRawUnsafe<{ left: number }[]>(
      `SELECT round(extract(epoch FROM lease_until - statement_timestamp()))::integer AS left
       FROM ${database.schema}.outbox_bucket WHERE owner IS NOT NULL ORDER BY bucket`,
    );

  it("is passed over by a renewal, which extends the leases of the others and says so", async () => {
    const fence = await slow.acquire(3, { leaseMs: 10_000 });
    const renewed = await beside(lockOf(1), () => slow.buckets.renew(fence, 60_000));
    expect(renewed).toEqual({ held: [0, 2], passedOver: [1] });
    expect((await secondsLeft()).map(({ left }) => left > 30)).toEqual([true, false, true]);
    expect(await slow.buckets.renew(fence, 60_000)).toEqual({ held: [0, 1, 2], passedOver: [] });
  });

  it("is passed over when buckets are given up, which says so; what is another's by then is not among them", async () => {
    const fence = await slow.acquire(3);
    await slow.buckets.release({ ...fence, epochs: new Map([[2, 1n]]) });
    expect((await successor.acquire(1)).epochs).toEqual(new Map([[2, 2n]]));
    expect(await beside(lockOf(1), () => slow.buckets.release(fence))).toEqual([1]);
    expect((await secondsLeft()).length).toBe(2);
    expect(await slow.buckets.release(fence)).toEqual([]);
  });

  it("is passed over when buckets are noted as clean, which says so", async () => {
    const fence = await slow.acquire(2);
    const bucket = `${database.schema}.outbox_bucket`;
    await database.prisma.$executeRawUnsafe(`UPDATE ${bucket} SET unclean_takeovers = 1 WHERE bucket < 2`);
    expect(await beside(lockOf(1), () => slow.buckets.markClean(fence))).toEqual([1]);
    await slow.buckets.release(fence);
    const acquired = await slow.buckets.acquire({ owner: "next", leaseMs: 1, graceMs: 0, limit: 2 });
    expect(acquired.map(({ uncleanTakeovers }) => uncleanTakeovers)).toEqual([0, 1]);
  });
});

describe("statements of one owner that are sent at once", () => {
  it("come into no deadlock beside an outcome and a renewal, because none of them waits for a lock", async () => {
    const fence = await slow.acquire(2);
    const refs = await addToBucket(database, 0, 1);
    const release = dialect().buckets.release(fence);
    const send = ({ sql, values }: Statement) => database.prisma.$queryRawUnsafe(sql, ...values);
    const { ended } = await beside(
      (tx) => tx.$queryRawUnsafe(`SELECT seq FROM ${database.schema}.outbox_event FOR UPDATE`),
      async () => {
        const recording = outcomes.completed(slow, fence, refs);
        await untilWaiting(database);
        const passedOver = await beside(
          (tx) => run(tx, dialect().buckets.renew(fence, 60_000)),
          () => Promise.all([send(release), send(release)]),
        );
        return { ended: { passedOver, recording } };
      },
    );
    expect(await ended.recording).toEqual({ missing: [] });
    expect(ended.passedOver).toEqual([
      [{ bucket: 0 }, { bucket: 1 }],
      [{ bucket: 0 }, { bucket: 1 }],
    ]);
  });

  it("pass over nothing of each other, because the repository sends one after the other", async () => {
    for (let round = 0; round < 20; round += 1) {
      const fence = await slow.acquire(64);
      const answers = await Promise.all([
        slow.buckets.renew(fence, 60_000),
        slow.buckets.markClean(fence),
        slow.buckets.release(fence),
      ]);
      expect(answers).toEqual([{ held: expect.any(Array), passedOver: [] }, [], []]);
    }
  });
});

describe("workers that do everything at once", () => {
  it("never share a bucket", async () => {
    const workers = Array.from({ length: 6 }, () => startBucketWorker(database, { connections: 1 }));
    const fences = await Promise.all(workers.map((worker) => worker.acquire(20)));
    const owned = fences.flatMap(({ epochs }) => [...epochs.keys()]);
    expect(new Set(owned).size).toBe(owned.length);
  });

  it("end in no deadlock, in whatever order they name their buckets", async () => {
    const reversed = ({ epochs, ...fence }: BucketFence): BucketFence => ({
      ...fence,
      epochs: new Map([...epochs].reverse()),
    });
    for (let round = 0; round < 20; round += 1) {
      const fence = await slow.acquire(64, { leaseMs: 1 });
      const refs = await addToBucket(database, round, 20);
      const later = [...refs].reverse();
      // The earliest is the last by seq, so that its order is not that of the others.
      await database.prisma.$executeRawUnsafe(
        `UPDATE ${database.schema}.outbox_event SET scheduled_at = statement_timestamp() - seq * interval '1 second'`,
      );
      await Promise.all([
        slow.buckets.renew(fence, 1),
        outcomes.pending(slow, fence, refs),
        outcomes.failed(slow, reversed(fence), later),
        slow.buckets.endSchedules(fence, 20),
        slow.buckets.endSchedules(reversed(fence), 20),
        successor.acquire(64),
        slow.buckets.release(reversed(fence)),
        slow.buckets.markClean(reversed(fence)),
        slow.buckets.renew(reversed(fence), 1),
      ]);
      await database.advanceTime(60_000);
    }
    expect(await database.prisma.outboxEvent.count()).toBe(400);
  });
});
