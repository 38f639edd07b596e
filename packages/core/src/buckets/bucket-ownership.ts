import { randomUUID } from "node:crypto";
import { defaults } from "../defaults.js";
import { describeFailure, type FailureDescription } from "../errors/describe-failure.js";
import { silentAbort } from "../internal/silent-abort.js";
import { waitOrAbort } from "../internal/wait-or-abort.js";
import { startLeaseDeadline } from "../processor/lease-deadline.js";
import type { BucketOperations } from "../protocols/bucket-operations.js";
import type { CancelTimer, Clock } from "../protocols/clock.js";
import type { Logger } from "../protocols/logger.js";
import { createOutageGate } from "../resilience/outage-gate.js";
import { createCoalescedTask } from "./coalesced-task.js";
import { fairShare } from "./fair-share.js";
import { HeldBuckets } from "./held-buckets.js";

/** A bucket that this worker owns. */
export interface OwnedBucket {
  readonly bucket: number;
  readonly epoch: bigint;
  /** As acquired; 0 from when it is known to be clean. */
  readonly uncleanTakeovers: number;
}

/** The buckets that one run of a worker owns. */
export interface BucketOwnership {
  /** Fresh for each run. */
  readonly owner: string;
  /** Of all workers together, as surveyed last; 0 before `start()` resolved. */
  readonly bucketCount: number;
  /**
   * Registers, acquires a first share and begins to renew.
   *
   * Rejects as the repository does when the first round fails. It can then be called again; some buckets may be owned all the
   * same, and come back when their leases have run out.
   */
  start(): Promise<void>;
  /** Those that events may be read from: owned, announced, not being given up, with time left on their lease. */
  readonly readable: readonly OwnedBucket[];
  /**
   * Whether all buckets had a living owner when ownership was last looked at, and those of this worker are all readable; so an
   * empty read then means that the others have the rest.
   */
  readonly seesAll: boolean;
  /** Why buckets could last not be renewed, shared or given up; `null` while they can. */
  readonly failure: FailureDescription | null;
  /** Whether the bucket is owned under this epoch as far as this worker knows; also after its lease ran out untaken, and never once its release was sent. */
  isHeld(bucket: number, epoch: bigint): boolean;
  /** How much of the bucket's lease is left; 0 when it is not held under this epoch. Counted from before the request, on the monotonic and on the wall clock. */
  remainingMs(bucket: number, epoch: bigint): number;
  /** To be called when nothing of the bucket is in flight any more: one that is being given up is released, one that waited for it is announced. */
  drained(bucket: number): void;
  /** What the bucket's last owners left behind has been dealt with; noted with the next renewal. */
  clean(bucket: number): void;
  /** A fence did not hold: renews at once, to find out which buckets are lost. */
  doubt(): void;
  /** Stops renewing, releases the buckets with nothing in flight and leaves the registry. Takes as long as the repository's statements may. Never rejects. */
  close(): Promise<void>;
}

/** What ownership works with. */
export interface BucketOwnershipParts {
  readonly operations: Pick<
    BucketOperations<never>,
    "renew" | "survey" | "acquire" | "release" | "leave" | "markClean"
  >;
  readonly workerId: string;
  readonly leaseMs: number;
  readonly graceMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether events of the bucket are in flight, under whichever epoch. */
  isInFlight(bucket: number): boolean;
  /**
   * Announces buckets that were acquired, before they are `readable`. One with events of an earlier epoch in flight is announced
   * when they are done, possibly from within `drained`.
   */
  onAcquired(buckets: readonly OwnedBucket[]): void;
  /** Called when a bucket that was announced is not held any more, by release or loss. */
  onGone(bucket: OwnedBucket): void;
}

/**
 * Owns a fair share of all buckets, and keeps it.
 *
 * Every third of the lease its leases are renewed, then the shares of all workers are looked at; sooner while this worker has
 * too few or some bucket has no owner. Renewal waits for no other statement. What fails is tried again every tenth of the lease.
 */
export function createBucketOwnership(parts: BucketOwnershipParts): BucketOwnership {
  const { operations, workerId, leaseMs, graceMs, clock, logger } = parts;
  // Within the 255 characters that the column holds.
  const owner = `${[...workerId].slice(0, 200).join("")} ${randomUUID()}`;
  const held = new HeldBuckets({
    owner,
    nowMs: () => clock.monotonicMs(),
    isInFlight: (bucket) => parts.isInFlight(bucket),
    onAcquired: (buckets) => parts.onAcquired(buckets),
    onGone: (bucket) => parts.onGone(bucket),
  });
  const gate = createOutageGate("the database, asked about buckets,", logger);
  const everyMs = leaseMs / 3;
  const soonMs = Math.min(everyMs, Math.max(100, leaseMs / 15));
  const retryMs = leaseMs / 10;
  let timer: { readonly dueMs: number; readonly cancel: CancelTimer } | null = null;
  let starting: Promise<void> | null = null;
  let closing: Promise<void> | null = null;
  let hasBegun = false;
  let isRunning = false;
  let bucketCount = 0;
  let ownedByOthers = 0;
  /** What was passed over last. */
  const locked: Record<"renew" | "release", readonly number[]> = { renew: [], release: [] };
  let isLockedOut = false;

  async function renew(): Promise<void> {
    const asked = held.fence;
    const deadline = startLeaseDeadline(clock, leaseMs);
    const answer = await operations.renew(asked, leaseMs);
    const lost = held.renewed(asked, answer, deadline);
    if (lost.length > 0) logger.warn({ owner, buckets: lost }, "buckets are lost: another worker took them over");
    noteLocks("renew", answer.passedOver);
    held.announceAll();
    await noteClean();
  }

  /** Warns once, until no lease is over any more whose bucket was passed over when it was last asked for. */
  function noteLocks(task: "renew" | "release", passedOver: readonly number[]): void {
    locked[task] = passedOver;
    const buckets = held.expiredOf([...locked.renew, ...locked.release]);
    if (buckets.length > 0 && !isLockedOut) {
      const message =
        "leases of buckets have run out, because a transaction that stays open has locked the buckets' rows";
      logger.warn({ owner, buckets }, `${message}: nothing of them is read until it ends`);
    }
    isLockedOut = buckets.length > 0;
  }

  async function noteClean(): Promise<void> {
    const { unnoted } = held;
    if (unnoted.epochs.size === 0) return;
    held.noted(unnoted, await operations.markClean(unnoted));
  }

  /** Acquires or gives up. Returns in how many milliseconds to look again. */
  async function share(): Promise<number> {
    const survey = await operations.survey(graceMs);
    bucketCount = survey.bucketCount;
    ownedByOthers = survey.workers.reduce((sum, { id, owned }) => (id === owner ? sum : sum + owned), 0);
    if (closing !== null) return everyMs;
    held.takeBackStuck(leaseMs);
    held.takeBack(fairShare(survey, owner, held.kept).lacks);
    const { lacks, giveUp, least } = fairShare(survey, owner, held.kept);
    held.giveUp(giveUp);
    if (giveUp > 0) release.request();
    const acquired = await acquire(Math.min(lacks, survey.free));
    return held.kept < least || acquired < survey.free ? soonMs : everyMs;
  }

  async function acquire(limit: number): Promise<number> {
    if (limit === 0) return 0;
    const deadline = startLeaseDeadline(clock, leaseMs);
    const acquired = await operations.acquire({ owner, leaseMs, graceMs, limit });
    held.acquired(acquired, deadline);
    return acquired.length;
  }

  /** Returns the buckets that have to be tried again, because another transaction has locked them. */
  async function releaseDrained(): Promise<readonly number[]> {
    const releasable = held.takeReleasable();
    if (releasable.epochs.size === 0) return [];
    await noteClean().catch((error: unknown) => {
      logger.debug({ owner, ...describeFailure(error) }, "given up without the note that they are clean");
    });
    const passedOver = await operations.release(releasable);
    held.released(releasable, passedOver);
    noteLocks("release", passedOver);
    return passedOver;
  }

  /** A statement of its own that was not answered may still hold rows: so it tries again for a while. Returns what is left. */
  async function releaseAll(): Promise<readonly number[]> {
    const untilMs = clock.monotonicMs() + defaults.releasePatienceMs;
    for (;;) {
      const buckets = await releaseDrained();
      if (buckets.length === 0 || clock.monotonicMs() >= untilMs) return buckets;
      await waitOrAbort(clock, defaults.releaseEveryMs, silentAbort);
    }
  }

  const renewal = createCoalescedTask(async () => {
    const startedMs = clock.monotonicMs();
    if (await succeeds("renew", renew)) {
      turnWithin((locked.renew.length > 0 ? retryMs : everyMs) - (clock.monotonicMs() - startedMs));
      sharing.request();
      release.request();
    } else {
      turnWithin(retryMs);
    }
  });
  const sharing = createCoalescedTask(async () => {
    let delayMs = retryMs;
    await succeeds("share", async () => {
      delayMs = await share();
    });
    turnWithin(delayMs);
  });
  const release = createCoalescedTask(async () => {
    let isDone = false;
    await succeeds("release", async () => {
      isDone = (await releaseDrained()).length === 0;
    });
    if (!isDone) turnWithin(retryMs);
  });

  async function succeeds(task: string, run: () => Promise<void>): Promise<boolean> {
    try {
      await run();
      gate.succeeded(task);
      return true;
    } catch (error) {
      gate.failed(describeFailure(error), task);
      return false;
    }
  }

  function turnWithin(delayMs: number): void {
    if (closing !== null) return;
    const dueMs = clock.monotonicMs() + Math.max(0, delayMs);
    if (timer !== null && timer.dueMs <= dueMs) return;
    timer?.cancel();
    const turn = () => {
      timer = null;
      renewal.request();
    };
    timer = { dueMs, cancel: clock.schedule(Math.max(0, delayMs), turn) };
  }

  async function firstRound(): Promise<void> {
    const startedMs = clock.monotonicMs();
    await renew();
    const delayMs = await share();
    isRunning = true;
    turnWithin(delayMs - (clock.monotonicMs() - startedMs));
  }

  async function closeAll(): Promise<void> {
    timer?.cancel();
    const first = starting?.catch(() => undefined);
    await Promise.all([first, renewal.end(), sharing.end(), release.end()]);
    if (!hasBegun) return;
    held.giveUp(held.count);
    const message = "buckets could not be given up: other workers get them when their leases have run out";
    try {
      const buckets = await releaseAll();
      if (buckets.length > 0) logger.warn({ owner, buckets }, `${message}. A transaction has locked their rows`);
    } catch (error) {
      logger.warn({ owner, ...describeFailure(error) }, message);
    }
    try {
      await operations.leave(owner);
    } catch (error) {
      logger.debug({ owner, ...describeFailure(error) }, "the worker could not leave: it counts as living for a lease");
    }
  }

  return {
    owner,
    get bucketCount() {
      return bucketCount;
    },
    get readable() {
      return closing === null ? held.readable : [];
    },
    get seesAll() {
      return closing === null && bucketCount > 0 && ownedByOthers + held.count >= bucketCount && held.areAllReadable;
    },
    get failure() {
      return gate.failure;
    },
    start() {
      if (closing !== null) return Promise.resolve();
      hasBegun = true;
      starting ??= firstRound().catch((error: unknown) => {
        starting = null;
        throw error;
      });
      return starting;
    },
    isHeld: (bucket, epoch) => held.isHeld(bucket, epoch),
    remainingMs: (bucket, epoch) => held.remainingMs(bucket, epoch),
    drained(bucket) {
      if (held.drained(bucket) && closing === null) release.request();
    },
    clean: (bucket) => held.clean(bucket),
    doubt() {
      if (isRunning && closing === null) renewal.request();
    },
    close() {
      closing ??= closeAll();
      return closing;
    },
  };
}
