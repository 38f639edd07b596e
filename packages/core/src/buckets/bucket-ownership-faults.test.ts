import { describe, expect, it } from "vitest";
import { createBucketWorkers, graceMs, leaseMs } from "../../test/bucket-workers.js";
import { defaults } from "../defaults.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";

const all = [0, 1, 2, 3, 4, 5, 6, 7];
const unreachable = "the database, asked about buckets, does not answer, trying on: STORE.UNREACHABLE: no connection";
const reachable = "the database, asked about buckets, answers again";

describe("while the database does not answer", () => {
  it("a worker reads on until its leases run out, tries every tenth of the lease, and goes on afterwards", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    worker.isCutOff = true;
    await clock.advance(leaseMs - 1);
    expect(worker.readable()).toEqual(all);
    await clock.advance(1);
    expect(worker.readable()).toEqual([]);
    await clock.advance(10 * leaseMs);
    const times = worker.calls.slice(3).map(({ atMs }) => atMs);
    const pauses = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
    expect(new Set(pauses)).toEqual(new Set([leaseMs / 10]));
    worker.isCutOff = false;
    await clock.advance(leaseMs / 10);
    expect(worker.readable()).toEqual(all);
    expect([worker.gone, worker.count("acquire")]).toEqual([[], 1]);
    expect(worker.logger.alarms).toEqual([unreachable, reachable]);
  });

  it("its buckets go to a worker that is answered, and a share of them comes back later", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const [cutOff, other] = [await startWorker(), await startWorker()];
    await clock.advance(leaseMs);
    cutOff.isCutOff = true;
    await clock.advance(2 * leaseMs + graceMs);
    expect([cutOff.readable(), other.readable()]).toEqual([[], all]);
    cutOff.isCutOff = false;
    await clock.advance(2 * leaseMs);
    expect([cutOff.readable().length, other.readable().length]).toEqual([4, 4]);
  });

  it("a start is rejected with its error, and can be tried again", async () => {
    const { createWorker } = createBucketWorkers();
    const worker = createWorker();
    worker.isCutOff = true;
    await expect(worker.ownership.start()).rejects.toSatisfy((error) => isOmniBoxError(error, "STORE.UNREACHABLE"));
    expect([worker.readable(), worker.ownership.seesAll]).toEqual([[], false]);
    worker.isCutOff = false;
    await worker.ownership.start();
    expect(worker.readable()).toEqual(all);
  });
});

describe("an answer", () => {
  it("to an acquisition that is lost costs lease and grace: then the buckets come back under new epochs", async () => {
    const { createWorker, clock } = createBucketWorkers();
    const worker = createWorker();
    worker.loseAnswer("acquire");
    await expect(worker.ownership.start()).rejects.toSatisfy((error) => isOmniBoxError(error, "STORE.UNREACHABLE"));
    await worker.ownership.start();
    await clock.advance(leaseMs + graceMs - 1);
    expect([worker.readable(), worker.ownership.seesAll]).toEqual([[], false]);
    await clock.advance(leaseMs / 15 + 1);
    expect(worker.ownership.readable.map(({ epoch }) => epoch)).toEqual(all.map(() => 2n));
  });

  it("to acquisitions that is lost again and again makes no bucket suspect: nobody has died in it", async () => {
    const { createWorker, clock } = createBucketWorkers();
    const worker = createWorker();
    for (let times = 1; times <= 3; times += 1) {
      worker.loseAnswer("acquire");
      await expect(worker.ownership.start()).rejects.toSatisfy((error) => isOmniBoxError(error, "STORE.UNREACHABLE"));
      await clock.advance(leaseMs + graceMs);
    }
    await worker.ownership.start();
    expect(worker.ownership.readable.map(({ epoch }) => epoch)).toEqual(all.map(() => 4n));
    expect(worker.ownership.readable.map(({ uncleanTakeovers }) => uncleanTakeovers)).toEqual(all.map(() => 0));
  });

  it("to an acquisition that is slow leaves what is left of a lease that began with the request", async () => {
    const { createWorker, clock } = createBucketWorkers();
    const worker = createWorker();
    const answer = worker.delayAnswer("acquire");
    const starting = worker.ownership.start();
    await clock.advance(700);
    answer();
    await starting;
    expect(worker.ownership.remainingMs(0, 1n)).toBe(leaseMs - 700);
  });

  it("to a renewal that comes after the lease ran out makes nothing readable; the next renewal does", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    const answer = worker.delayAnswer("renew");
    await clock.advance(leaseMs / 3 + leaseMs);
    answer();
    expect(worker.readable()).toEqual([]);
    await clock.advance(0);
    // The renewal that follows at once was sent after the answer.
    expect([worker.readable(), worker.count("renew")]).toEqual([all, 3]);
  });

  it("to a renewal that comes after a take-over gives nothing back", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const slow = await startWorker();
    const answer = slow.delayAnswer("renew");
    await clock.advance(leaseMs / 3 + leaseMs + graceMs);
    const other = await startWorker();
    expect(other.readable()).toEqual(all);
    const later = slow.delayAnswer("renew");
    answer();
    await clock.advance(0);
    expect([slow.readable(), slow.ownership.remainingMs(0, 1n)]).toEqual([[], 0]);
    later();
    await clock.advance(0);
    expect([slow.ownership.isHeld(0, 1n), slow.gone.length]).toEqual([false, 8]);
  });

  it("that is slow is waited for: no second renewal is sent beside it", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    const answer = worker.delayAnswer("renew");
    await clock.advance(5 * leaseMs);
    expect(worker.count("renew")).toBe(2);
    answer();
    await clock.advance(0);
    expect(worker.readable()).toEqual(all);
  });

  it("to a survey that is slow does not keep the leases from being renewed", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    const answer = worker.delayAnswer("survey");
    await clock.advance(5 * leaseMs);
    expect([worker.readable(), worker.count("survey"), worker.count("renew")]).toEqual([all, 2, 16]);
    answer();
    await clock.advance(leaseMs);
    expect(worker.readable()).toEqual(all);
  });

  it("to a release that is slow does not keep the other leases from being renewed", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const first = await startWorker();
    const answer = first.delayAnswer("release");
    const second = await startWorker();
    await clock.advance(5 * leaseMs);
    expect([first.readable().length, second.readable().length, first.gone.length]).toEqual([4, 4, 0]);
    answer();
    await clock.advance(0);
    expect([first.readable().length, first.gone.length]).toEqual([4, 4]);
  });
});

describe("a doubt about a fence", () => {
  it("is settled by a renewal at once", async () => {
    const { startWorker, clock, repository } = createBucketWorkers();
    const worker = await startWorker();
    const epochs = new Map([[2, 1n]]);
    await repository.buckets.release({ kind: "buckets", owner: worker.ownership.owner, epochs });
    await repository.buckets.acquire({ owner: "other", leaseMs, graceMs, limit: 1 });
    worker.ownership.doubt();
    await clock.advance(0);
    expect([worker.gone.map(({ bucket }) => bucket), worker.ownership.isHeld(2, 1n)]).toEqual([[2], false]);
    expect(worker.readable()).toEqual(all.filter((bucket) => bucket !== 2));
    expect(worker.ownership.seesAll).toBe(false);
  });

  it("that comes while a renewal is under way, however often, causes one more behind it", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    const answer = worker.delayAnswer("renew");
    for (let doubts = 0; doubts < 5; doubts += 1) worker.ownership.doubt();
    expect(worker.count("renew")).toBe(2);
    answer();
    await clock.advance(0);
    expect(worker.count("renew")).toBe(3);
  });
});

describe("a wall clock", () => {
  it("that jumps ahead ends the leases at once, until the next renewal", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    worker.aheadMs = 3_600_000;
    expect([worker.readable(), worker.ownership.remainingMs(0, 1n)]).toEqual([[], 0]);
    await clock.advance(leaseMs / 3);
    expect([worker.readable(), worker.gone]).toEqual([all, []]);
  });

  it("that jumps back does not prolong the leases", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    worker.aheadMs = -3_600_000;
    worker.isCutOff = true;
    await clock.advance(leaseMs - 1);
    expect(worker.ownership.remainingMs(0, 1n)).toBe(1);
    await clock.advance(1);
    expect(worker.readable()).toEqual([]);
  });
});

describe("a transaction that stays open and has locked a bucket", () => {
  it("costs its owner this bucket alone, which comes back when the transaction has ended; one warning tells of it", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    worker.locked.add(3);
    await clock.advance(5 * leaseMs);
    expect(worker.readable()).toEqual(all.filter((bucket) => bucket !== 3));
    expect(worker.ownership.isHeld(3, 1n)).toBe(true);
    expect(worker.logger.alarms).toHaveLength(1);
    expect(worker.logger.alarms[0]).toMatch(/a transaction that stays open has locked/);
    worker.locked.delete(3);
    await clock.advance(leaseMs / 10);
    expect(worker.readable()).toEqual(all);
  });
});

describe("a bucket that a transaction has locked", () => {
  it("is given up as soon as that has ended, and the others at once", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const first = await startWorker();
    first.locked.add(7);
    const second = await startWorker();
    await clock.advance(leaseMs / 3 + leaseMs / 15);
    expect([first.readable(), second.readable()]).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6],
    ]);
    expect([first.ownership.failure, first.ownership.isHeld(7, 1n)]).toEqual([null, false]);
    expect(first.logger.alarms).toEqual([]);
    first.locked.delete(7);
    await clock.advance(leaseMs / 10 + leaseMs / 15);
    expect(second.readable()).toEqual([4, 5, 6, 7]);
    expect(second.ownership.readable.every(({ uncleanTakeovers }) => uncleanTakeovers === 0)).toBe(true);
  });

  it("is noted as clean when that has ended", async () => {
    const { startWorker, clock, repository } = createBucketWorkers(1);
    (await startWorker()).pause();
    await clock.advance(leaseMs + graceMs);
    const second = await startWorker();
    second.locked.add(0);
    second.ownership.clean(0);
    await clock.advance(leaseMs / 3);
    second.locked.delete(0);
    await clock.advance(leaseMs / 3);
    expect(second.count("markClean")).toBe(2);
    await second.ownership.close();
    const [third] = await repository.buckets.acquire({ owner: "third", leaseMs, graceMs, limit: 1 });
    expect(third?.uncleanTakeovers).toBe(0);
  });

  it("is warned of when it cannot be given up and its lease has run out, because nobody reads it then", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const first = await startWorker();
    first.locked.add(7);
    await startWorker();
    await clock.advance(3 * leaseMs);
    expect(first.logger.alarms).toEqual([expect.stringMatching(/a transaction that stays open has locked/)]);
  });

  it("is given up by a worker that ends, when that has ended within seconds", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    worker.locked.add(3);
    const closing = worker.ownership.close();
    await clock.advance(500);
    worker.locked.delete(3);
    await clock.advance(500);
    await closing;
    expect([worker.gone.length, worker.logger.alarms]).toEqual([all.length, []]);
  });

  it("else keeps that worker from nothing, which tells who gets the bucket", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    worker.locked.add(3);
    const closing = worker.ownership.close();
    await clock.advance(defaults.releasePatienceMs);
    await closing;
    expect(worker.gone.map(({ bucket }) => bucket)).toEqual(all.filter((bucket) => bucket !== 3));
    expect(worker.logger.alarms.at(-1)).toMatch(/^buckets could not be given up: other workers get them/);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("closing", () => {
  it("releases the buckets and leaves the registry, so that others have all of them at once, and clean", async () => {
    const { startWorker, clock, repository } = createBucketWorkers();
    const [leaving, staying] = [await startWorker(), await startWorker()];
    await clock.advance(leaseMs);
    await leaving.ownership.close();
    expect([leaving.readable(), leaving.ownership.seesAll, leaving.gone.length]).toEqual([[], false, 8]);
    await clock.advance(leaseMs / 3);
    expect(staying.ownership.readable.map(({ uncleanTakeovers }) => uncleanTakeovers)).toEqual(all.map(() => 0));
    expect((await repository.buckets.survey(graceMs)).workers).toEqual([{ id: staying.ownership.owner, owned: 8 }]);
  });

  it("notes first what is known to be clean", async () => {
    const { startWorker, clock, repository } = createBucketWorkers(1);
    (await startWorker()).pause();
    await clock.advance(leaseMs + graceMs);
    const worker = await startWorker();
    worker.ownership.clean(0);
    await worker.ownership.close();
    const [next] = await repository.buckets.acquire({ owner: "next", leaseMs, graceMs, limit: 1 });
    expect(next).toEqual({ bucket: 0, epoch: 3n, uncleanTakeovers: 0 });
  });

  it("leaves buckets with events in flight to their lease, and ends all timers", async () => {
    const { startWorker, clock, repository } = createBucketWorkers();
    const worker = await startWorker();
    worker.inFlight.add(5);
    await worker.ownership.close();
    expect([worker.readable(), worker.ownership.isHeld(5, 1n), clock.pendingTimers]).toEqual([[], true, 0]);
    expect((await repository.buckets.survey(graceMs)).free).toBe(7);
    worker.inFlight.delete(5);
    worker.ownership.drained(5);
    worker.ownership.doubt();
    await clock.advance(10 * leaseMs);
    expect(worker.calls.map(({ method }) => method)).toEqual(["renew", "survey", "acquire", "release", "leave"]);
  });

  it("is never rejected: what could not be released runs out", async () => {
    const { startWorker, clock } = createBucketWorkers();
    const worker = await startWorker();
    worker.isCutOff = true;
    await Promise.all([worker.ownership.close(), worker.ownership.close()]);
    expect([worker.count("release"), worker.count("leave"), clock.pendingTimers]).toEqual([1, 1, 0]);
    expect(worker.logger.alarms).toEqual([
      "buckets could not be given up: other workers get them when their leases have run out",
    ]);
    const next = await startWorker();
    await clock.advance(leaseMs + graceMs + leaseMs / 15);
    expect(next.readable()).toEqual(all);
  });

  it("during the start, or during a round, gives back what is acquired meanwhile", async () => {
    const { createWorker, clock, repository } = createBucketWorkers();
    const worker = createWorker();
    const answer = worker.delayAnswer("acquire");
    const starting = worker.ownership.start();
    await clock.advance(0);
    const closing = worker.ownership.close();
    await clock.advance(0);
    expect(worker.count("leave")).toBe(0);
    answer();
    await Promise.all([starting, closing]);
    expect([worker.readable(), worker.gone.length, clock.pendingTimers]).toEqual([[], 8, 0]);
    expect(await repository.buckets.survey(graceMs)).toEqual({ workers: [], bucketCount: 8, free: 8 });
  });

  it("acquires nothing any more when the survey is answered after it", async () => {
    const { createWorker, clock } = createBucketWorkers();
    const worker = createWorker();
    const answer = worker.delayAnswer("survey");
    const starting = worker.ownership.start();
    await clock.advance(0);
    const closing = worker.ownership.close();
    answer();
    await Promise.all([starting, closing]);
    expect(worker.calls.map(({ method }) => method)).toEqual(["renew", "survey", "leave"]);
  });

  it("before the start sends nothing, and a start after it does nothing", async () => {
    const { createWorker } = createBucketWorkers();
    const worker = createWorker();
    await worker.ownership.close();
    await worker.ownership.start();
    expect([worker.calls, worker.readable()]).toEqual([[], []]);
  });
});
