import { describe, expect, it } from "vitest";
import { createBucketWorkers, graceMs, leaseMs } from "../../test/bucket-workers.js";

const all = [0, 1, 2, 3, 4, 5, 6, 7];
/** Long enough for workers that live to notice each other and to share. */
const whileMs = leaseMs;

describe("ownership of buckets", () => {
  it("is every bucket for a worker that is alone, as soon as it has started", async () => {
    const { startWorker } = createBucketWorkers();
    const worker = await startWorker();
    expect(worker.readable()).toEqual(all);
    expect(worker.announced.map(({ bucket }) => bucket)).toEqual(all);
    expect([worker.ownership.seesAll, worker.ownership.bucketCount]).toEqual([true, 8]);
    expect(worker.ownership.remainingMs(0, 1n)).toBe(leaseMs);
  });

  it("lasts as long as the worker lives, under the same epochs", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    await clock.advance(10 * leaseMs);
    expect(worker.ownership.readable.map(({ epoch }) => epoch)).toEqual(all.map(() => 1n));
    expect([worker.count("acquire"), worker.gone, worker.logger.alarms]).toEqual([1, [], []]);
  });

  it("is renewed every third of the lease, with two statements, while nothing changes", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    await clock.advance(leaseMs);
    const later = worker.calls.filter(({ atMs }) => atMs > 0);
    expect(later.map(({ method, atMs }) => [method, atMs])).toEqual(
      [1_000, 2_000, 3_000].flatMap((atMs) => [
        ["renew", atMs],
        ["survey", atMs],
      ]),
    );
  });

  it("is shared with a second worker by halves, and with a third one by thirds", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const workers = [await startWorker()];
    workers.push(await startWorker());
    await clock.advance(whileMs);
    expect(workers.map((worker) => worker.readable().length)).toEqual([4, 4]);
    workers.push(await startWorker());
    await clock.advance(whileMs);
    expect(workers.map((worker) => worker.readable().length).sort()).toEqual([2, 3, 3]);
    expect(workers.flatMap((worker) => worker.readable()).sort()).toEqual(all);
    expect(workers.map(({ ownership }) => ownership.seesAll)).toEqual([true, true, true]);
  });

  it("does not move any more once it is shared evenly", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const workers = [await startWorker(), await startWorker(), await startWorker()];
    await clock.advance(3 * whileMs);
    const before = workers.map((worker) => worker.count("acquire") + worker.count("release"));
    await clock.advance(10 * leaseMs);
    expect(workers.map((worker) => worker.count("acquire") + worker.count("release"))).toEqual(before);
  });

  it("is nothing, and no fault, for workers beyond the number of buckets", async () => {
    const { startWorker, clock } = createBucketWorkers(2);
    const workers = [await startWorker(), await startWorker(), await startWorker()];
    await clock.advance(3 * whileMs);
    expect(workers.map((worker) => worker.readable().length).sort()).toEqual([0, 1, 1]);
    expect(workers.every(({ ownership }) => ownership.seesAll)).toBe(true);
  });

  it("has a name of its own for each run, whatever the length of the worker's", () => {
    const { createWorker } = createBucketWorkers();
    const names = [createWorker("w".repeat(255)), createWorker("w".repeat(255))].map(
      ({ ownership }) => ownership.owner,
    );
    expect(new Set(names).size).toBe(2);
    expect(names.every((name) => name.startsWith("www") && name.length <= 255)).toBe(true);
  });
});

describe("the buckets of a worker that died", () => {
  it("are taken over when lease and grace have passed, not sooner, and count as unclean", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const [dead, survivor] = [await startWorker(), await startWorker()];
    await clock.advance(whileMs);
    dead.pause();
    await clock.advance(leaseMs + graceMs - 1_000);
    expect(survivor.readable()).toHaveLength(4);
    await clock.advance(2_000);
    expect(survivor.readable()).toEqual(all);
    const takenOver = survivor.ownership.readable.filter(({ uncleanTakeovers }) => uncleanTakeovers === 1);
    expect(takenOver).toHaveLength(4);
  });

  it("are unclean for the next owner until this one says that they are clean, which is noted with the next renewal", async () => {
    const { startWorker, clock, repository } = createBucketWorkers(1);
    (await startWorker()).pause();
    await clock.advance(leaseMs + graceMs);
    const second = await startWorker();
    expect(second.ownership.readable).toEqual([{ bucket: 0, epoch: 2n, uncleanTakeovers: 1 }]);
    second.ownership.clean(0);
    expect(second.ownership.readable[0]?.uncleanTakeovers).toBe(0);
    await clock.advance(leaseMs / 3);
    expect(second.count("markClean")).toBe(1);
    await clock.advance(leaseMs);
    expect(second.count("markClean")).toBe(1);
    second.pause();
    await clock.advance(leaseMs + graceMs);
    const [third] = await repository.buckets.acquire({ owner: "third", leaseMs, graceMs, limit: 1 });
    expect(third?.uncleanTakeovers).toBe(1);
  });
});

describe("a worker that was paused past its leases", () => {
  it("reads nothing before its renewal is answered, and goes on under the same epochs when nobody took over", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    worker.pause();
    await clock.advance(10 * leaseMs);
    expect([worker.readable(), worker.ownership.seesAll]).toEqual([[], false]);
    expect([worker.ownership.isHeld(0, 1n), worker.ownership.remainingMs(0, 1n)]).toEqual([true, 0]);
    worker.resume();
    await clock.advance(0);
    expect(worker.readable()).toEqual(all);
    expect(worker.ownership.isHeld(0, 1n)).toBe(true);
    expect([worker.gone, worker.count("acquire"), worker.logger.alarms]).toEqual([[], 1, []]);
  });

  it("learns what it has lost, says so once, and gets a fair share under new epochs", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const [paused, other] = [await startWorker(), await startWorker()];
    await clock.advance(whileMs);
    const before = paused.ownership.readable;
    paused.pause();
    await clock.advance(2 * leaseMs + graceMs);
    expect(other.readable()).toEqual(all);
    paused.resume();
    await clock.advance(0);
    expect(paused.gone.map(({ bucket }) => bucket)).toEqual(expect.arrayContaining(before.map(({ bucket }) => bucket)));
    expect(before.some(({ bucket, epoch }) => paused.ownership.isHeld(bucket, epoch))).toBe(false);
    expect(paused.logger.alarms).toEqual(["buckets are lost: another worker took them over"]);
    await clock.advance(whileMs);
    expect([paused.readable().length, other.readable().length]).toEqual([4, 4]);
  });

  it("does not read a bucket that it gets back before its own old events of it are done", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const paused = await startWorker();
    paused.inFlight.add(3);
    paused.pause();
    await clock.advance(leaseMs + graceMs);
    const other = await startWorker();
    expect(other.readable()).toEqual(all);
    await other.ownership.close();
    paused.resume();
    await clock.advance(whileMs);
    const announcedAgain = () => paused.announced.slice(8).map(({ bucket }) => bucket);
    expect(paused.readable()).toEqual(all.filter((bucket) => bucket !== 3));
    expect([announcedAgain().includes(3), paused.ownership.isHeld(3, 3n)]).toEqual([false, true]);
    paused.inFlight.delete(3);
    paused.ownership.drained(3);
    expect(announcedAgain()).toContain(3);
    expect([paused.readable(), paused.ownership.seesAll]).toEqual([all, true]);
  });
});

describe("a bucket with old events in flight", () => {
  it("is read from the next renewal on when they are done, also when nobody said so", async () => {
    const { createWorker, clock } = createBucketWorkers();
    const worker = createWorker();
    worker.inFlight.add(3);
    await worker.ownership.start();
    worker.inFlight.delete(3);
    expect(worker.readable()).toEqual(all.filter((bucket) => bucket !== 3));
    await clock.advance(leaseMs / 3);
    expect(worker.readable()).toEqual(all);
  });
});

describe("giving buckets up", () => {
  it("waits until nothing of them is in flight, and reads no more from them meanwhile", async () => {
    const { startWorker, clock } = createBucketWorkers(2);
    const first = await startWorker();
    first.inFlight.add(0).add(1);
    const second = await startWorker();
    await clock.advance(leaseMs);
    expect([first.readable(), second.readable(), first.count("release")]).toEqual([[0], [], 0]);
    expect([first.ownership.isHeld(1, 1n), first.ownership.seesAll]).toEqual([true, false]);
    expect(first.ownership.remainingMs(1, 1n)).toBeGreaterThan(0);
    first.inFlight.delete(1);
    first.ownership.drained(1);
    await clock.advance(leaseMs / 3);
    expect([first.readable(), second.readable(), first.gone.map(({ bucket }) => bucket)]).toEqual([[0], [1], [1]]);
    expect(second.ownership.readable[0]?.uncleanTakeovers).toBe(0);
  });

  it("is called off for one in which something never ends, so that all else in it goes on; another one is given up then", async () => {
    const { startWorker, clock } = createBucketWorkers(2);
    const first = await startWorker();
    first.inFlight.add(0).add(1);
    await startWorker();
    await clock.advance(leaseMs);
    expect(first.readable()).toEqual([0]);
    await clock.advance(leaseMs);
    expect(first.readable()).toContain(1);
    first.inFlight.clear();
    first.ownership.drained(0);
    first.ownership.drained(1);
    await clock.advance(leaseMs);
    expect(first.readable()).toHaveLength(1);
    expect(first.count("release")).toBe(1);
  });

  it("happens in the round in which another worker is seen, when nothing is in flight", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const first = await startWorker();
    const second = await startWorker();
    await clock.advance(leaseMs / 3 + leaseMs / 15);
    expect(first.calls.filter(({ method }) => method === "release")).toEqual([
      { method: "release", atMs: leaseMs / 3 },
    ]);
    expect(second.readable()).toHaveLength(4);
  });

  it("begins with those that have nothing in flight", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const first = await startWorker();
    for (const bucket of [4, 5, 6, 7]) first.inFlight.add(bucket);
    const second = await startWorker();
    await clock.advance(whileMs);
    expect([first.readable(), second.readable()]).toEqual([
      [4, 5, 6, 7],
      [0, 1, 2, 3],
    ]);
  });

  it("is called off when the other worker has gone before", async () => {
    const { startWorker, clock } = createBucketWorkers(2);
    const first = await startWorker();
    first.inFlight.add(0).add(1);
    const second = await startWorker();
    await clock.advance(whileMs);
    expect(first.readable()).toEqual([0]);
    await second.ownership.close();
    await clock.advance(whileMs);
    expect(first.readable()).toEqual([0, 1]);
    expect([first.gone, first.announced.length]).toEqual([[], 2]);
  });

  it("makes a bucket nobody's to write to as soon as its release is sent, and a late renewal does not bring it back", async () => {
    const { startWorker, clock } = createBucketWorkers(2);
    const first = await startWorker();
    first.inFlight.add(0).add(1);
    await startWorker();
    await clock.advance(whileMs);
    const answerRelease = first.delayAnswer("release");
    const answerRenewal = first.delayAnswer("renew");
    first.ownership.doubt();
    first.inFlight.delete(1);
    first.ownership.drained(1);
    expect([first.ownership.isHeld(1, 1n), first.ownership.remainingMs(1, 1n)]).toEqual([false, 0]);
    answerRelease();
    await clock.advance(0);
    expect(first.gone.map(({ bucket }) => bucket)).toEqual([1]);
    answerRenewal();
    await clock.advance(0);
    expect([first.readable(), first.ownership.isHeld(1, 1n)]).toEqual([[0], false]);
    expect(first.gone.map(({ bucket }) => bucket)).toEqual([1]);
    expect(first.logger.alarms).toEqual([]);
  });

  it("is tried again soon when it failed", async () => {
    const { startWorker, clock } = createBucketWorkers(2);
    const first = await startWorker();
    first.inFlight.add(0).add(1);
    await startWorker();
    await clock.advance(leaseMs / 3);
    first.inFlight.delete(1);
    first.isCutOff = true;
    first.ownership.drained(1);
    await clock.advance(0);
    expect([first.count("release"), first.gone]).toEqual([1, []]);
    first.isCutOff = false;
    await clock.advance(leaseMs / 10);
    expect([first.count("release"), first.gone.map(({ bucket }) => bucket)]).toEqual([2, [1]]);
  });

  it("is repeated when its answer was lost, and costs nobody a bucket", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const first = await startWorker();
    first.loseAnswer("release");
    const second = await startWorker();
    await clock.advance(2 * whileMs);
    expect([first.readable().length, second.readable().length]).toEqual([4, 4]);
    expect([...first.readable(), ...second.readable()].sort()).toEqual(all);
    expect(first.gone).toHaveLength(4);
  });
});
