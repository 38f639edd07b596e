import { type BucketOwnership, createBucketOwnership, type OwnedBucket } from "../src/buckets/bucket-ownership.js";
import { OmniBoxError } from "../src/errors/omni-box-error.js";
import type { BucketOperations } from "../src/protocols/bucket-operations.js";
import type { Clock } from "../src/protocols/clock.js";
import type { BucketFence } from "../src/protocols/fence.js";
import { createManualClock } from "../src/testing/manual-clock.js";
import { createMemoryOutboxRepository } from "../src/testing/memory-outbox-repository.js";
import { type CapturedLogger, captureLogger } from "./captured-logger.js";
import { createGate } from "./gate.js";

type Method = "renew" | "survey" | "acquire" | "release" | "leave" | "markClean";

/** A process with one ownership, which can stop and be cut off. */
export interface BucketWorker {
  readonly ownership: BucketOwnership;
  readonly logger: CapturedLogger;
  readonly calls: readonly { readonly method: Method; readonly atMs: number }[];
  /** In the order of the announcements. */
  readonly announced: readonly OwnedBucket[];
  readonly gone: readonly OwnedBucket[];
  /** Buckets with events in flight. */
  readonly inFlight: Set<number>;
  /** Buckets that a transaction has locked, so that this worker's statements pass them over. */
  readonly locked: Set<number>;
  /** Its database does not answer, and nothing reaches it. */
  isCutOff: boolean;
  /** How much its wall clock is ahead of the database's. */
  aheadMs: number;
  /** Numbers of the readable buckets. */
  readable(): readonly number[];
  count(method: Method): number;
  /** Stops the process: no timer runs and no answer is seen before `resume()`. What was sent is carried out. */
  pause(): void;
  resume(): void;
  /** The next such statement is carried out, and its answer comes when the returned function is called. */
  delayAnswer(method: Method): () => void;
  /** The next such statement is carried out, and its answer never arrives. */
  loseAnswer(method: Method): void;
}

export const [leaseMs, graceMs] = [3_000, 500];

/** Workers over the same buckets of one repository. */
export function createBucketWorkers(bucketCount = 8) {
  const clock = createManualClock();
  const repository = createMemoryOutboxRepository({ clock, bucketCount });

  function createWorker(workerId = "worker"): BucketWorker {
    const logger = captureLogger();
    const calls: { method: Method; atMs: number }[] = [];
    const announced: OwnedBucket[] = [];
    const gone: OwnedBucket[] = [];
    const inFlight = new Set<number>();
    const locked = new Set<number>();
    const answers = new Map<Method, Promise<void>[]>();
    let resumed = createGate();
    let isPaused = false;

    const ownClock: Clock = {
      now: () => clock.now() + worker.aheadMs,
      monotonicMs: () => clock.monotonicMs(),
      schedule: (delayMs, run) =>
        clock.schedule(delayMs, () => {
          if (isPaused) void resumed.opened.then(run);
          else run();
        }),
    };

    const lockedOf = ({ epochs }: BucketFence) => [...epochs.keys()].filter((bucket) => locked.has(bucket));
    const unlockedOf = ({ epochs, ...fence }: BucketFence): BucketFence => ({
      ...fence,
      epochs: new Map([...epochs].filter(([bucket]) => !locked.has(bucket))),
    });

    const through =
      <Request extends readonly unknown[], Answer>(method: Method, run: (...request: Request) => Promise<Answer>) =>
      async (...request: Request): Promise<Answer> => {
        calls.push({ method, atMs: clock.monotonicMs() });
        if (worker.isCutOff) throw unreachable();
        const answer = await run(...request);
        await answers.get(method)?.shift();
        if (isPaused) await resumed.opened;
        return answer;
      };
    const operations: Pick<BucketOperations<never>, Method> = {
      renew: through("renew", async (fence, ms) => {
        const { held } = await repository.buckets.renew(unlockedOf(fence), ms);
        return { held, passedOver: lockedOf(fence) };
      }),
      survey: through("survey", repository.buckets.survey),
      acquire: through("acquire", repository.buckets.acquire),
      release: through("release", async (fence) => {
        await repository.buckets.release(unlockedOf(fence));
        return lockedOf(fence);
      }),
      leave: through("leave", repository.buckets.leave),
      markClean: through("markClean", async (fence) => {
        await repository.buckets.markClean(unlockedOf(fence));
        return lockedOf(fence);
      }),
    };
    const delayBy = (method: Method, answer: Promise<void>) =>
      void answers.set(method, [...(answers.get(method) ?? []), answer]);

    const worker: BucketWorker = {
      ownership: createBucketOwnership({
        operations,
        workerId,
        leaseMs,
        graceMs,
        clock: ownClock,
        logger,
        isInFlight: (bucket) => inFlight.has(bucket),
        onAcquired: (buckets) => void announced.push(...buckets),
        onGone: (bucket) => void gone.push(bucket),
      }),
      logger,
      calls,
      announced,
      gone,
      inFlight,
      locked,
      isCutOff: false,
      aheadMs: 0,
      readable: () => worker.ownership.readable.map(({ bucket }) => bucket).sort((a, b) => a - b),
      count: (method) => calls.filter((call) => call.method === method).length,
      pause() {
        isPaused = true;
      },
      resume() {
        isPaused = false;
        resumed.open();
        resumed = createGate();
      },
      delayAnswer(method) {
        const { opened, open } = createGate();
        delayBy(method, opened);
        return open;
      },
      loseAnswer(method) {
        const lost = Promise.reject(unreachable());
        // Seen by whoever waits for the answer, which may be later.
        lost.catch(() => undefined);
        delayBy(method, lost);
      },
    };
    return worker;
  }

  return {
    clock,
    repository,
    createWorker,
    /** A worker that has started. */
    async startWorker(workerId?: string): Promise<BucketWorker> {
      const worker = createWorker(workerId);
      await worker.ownership.start();
      return worker;
    },
  };
}

function unreachable(): OmniBoxError {
  return new OmniBoxError("STORE.UNREACHABLE", "no connection");
}
