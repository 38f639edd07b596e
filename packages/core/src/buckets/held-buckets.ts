import type { LeaseDeadline } from "../processor/lease-deadline.js";
import type { AcquiredBucket, RenewedBuckets } from "../protocols/bucket-operations.js";
import type { BucketFence } from "../protocols/fence.js";
import type { OwnedBucket } from "./bucket-ownership.js";

/** What is asked and told about single buckets. */
export interface HeldBucketsParts {
  readonly owner: string;
  /** A clock that never runs backwards. */
  nowMs(): number;
  isInFlight(bucket: number): boolean;
  onAcquired(buckets: readonly OwnedBucket[]): void;
  onGone(bucket: OwnedBucket): void;
}

interface Held {
  owned: OwnedBucket;
  deadline: LeaseDeadline;
  /** Not yet while events of an earlier epoch are in flight; whoever reads has not heard of the bucket then. */
  isAnnounced: boolean;
  /** `sent`: the release was sent, so that the bucket may be another's already. */
  givingUp: "no" | "wanted" | "sent";
  /** When it was last wanted; and whether it could then not be given up in time, because something of it never ends. */
  wantedAtMs: number;
  isStuck: boolean;
  isCleanUnnoted: boolean;
}

/** What a worker knows of the buckets that it holds; it asks no database. */
export class HeldBuckets {
  private readonly held = new Map<number, Held>();

  constructor(private readonly parts: HeldBucketsParts) {}

  get count(): number {
    return this.held.size;
  }

  /** Those that are not being given up. */
  get kept(): number {
    return this.withIntent("no").length;
  }

  get readable(): readonly OwnedBucket[] {
    return [...this.held.values()].filter(isReadable).map(({ owned }) => owned);
  }

  get areAllReadable(): boolean {
    return [...this.held.values()].every(isReadable);
  }

  /** Of all but those whose release was sent: they may be another's already. */
  get fence(): BucketFence {
    return this.fenceOf([...this.held.values()].filter(({ givingUp }) => givingUp !== "sent"));
  }

  /** Of those that are known to be clean, which is not stored yet. */
  get unnoted(): BucketFence {
    return this.fenceOf([...this.held.values()].filter(({ isCleanUnnoted }) => isCleanUnnoted));
  }

  isHeld(bucket: number, epoch: bigint): boolean {
    return this.findCertain(bucket, epoch) !== undefined;
  }

  remainingMs(bucket: number, epoch: bigint): number {
    return Math.max(0, this.findCertain(bucket, epoch)?.deadline.remainingMs() ?? 0);
  }

  /** Of these buckets, those that are held, or being given up, under a lease that is over. */
  expiredOf(buckets: readonly number[]): readonly number[] {
    return buckets.filter((bucket) => {
      const held = this.held.get(bucket);
      return held !== undefined && held.deadline.remainingMs() <= 0;
    });
  }

  /** Adds what was acquired. Of a bucket that was held before, the former epoch is gone. */
  acquired(buckets: readonly AcquiredBucket[], deadline: LeaseDeadline): void {
    const fresh = buckets.map((acquired): Held => {
      const former = this.held.get(acquired.bucket);
      if (former !== undefined) this.remove(former);
      const owned = Object.freeze({ ...acquired });
      const held: Held = {
        owned,
        deadline,
        isAnnounced: false,
        givingUp: "no",
        wantedAtMs: 0,
        isStuck: false,
        isCleanUnnoted: false,
      };
      this.held.set(acquired.bucket, held);
      return held;
    });
    this.announce(fresh);
  }

  /** Takes the answer of a renewal. Returns the buckets that turned out to be lost. */
  renewed(asked: BucketFence, answer: RenewedBuckets, deadline: LeaseDeadline): readonly number[] {
    const stillHeld = new Set(answer.held);
    const passedOver = new Set(answer.passedOver);
    const lost: number[] = [];
    for (const [bucket, epoch] of asked.epochs) {
      const held = this.find(bucket, epoch);
      // Released, or acquired anew, since the renewal was sent.
      if (held === undefined || passedOver.has(bucket)) continue;
      if (stillHeld.has(bucket)) held.deadline = deadline;
      else {
        if (held.givingUp !== "sent") lost.push(bucket);
        this.remove(held);
      }
    }
    return lost;
  }

  /** Reads no more from `count` buckets, so that they can be released; those with nothing in flight first. */
  giveUp(count: number): void {
    const candidates = this.withIntent("no").map((held) => ({ held, isBusy: this.isBusy(held) }));
    candidates.sort((a, b) => Number(a.isBusy) - Number(b.isBusy) || b.held.owned.bucket - a.held.owned.bucket);
    for (const { held, isBusy } of candidates.filter(({ held, isBusy }) => !(held.isStuck && isBusy)).slice(0, count)) {
      held.givingUp = "wanted";
      held.wantedAtMs = this.parts.nowMs();
      held.isStuck &&= isBusy;
    }
  }

  /** Reads again from those that could not be given up in so long: one event that never ends must not stop all of its bucket. */
  takeBackStuck(patienceMs: number): void {
    const latestMs = this.parts.nowMs() - patienceMs;
    for (const held of this.withIntent("wanted")) {
      if (held.wantedAtMs > latestMs || !this.isBusy(held)) continue;
      held.givingUp = "no";
      held.isStuck = true;
      this.announce([held]);
    }
  }

  /** Keeps up to `count` of those that were to be given up. */
  takeBack(count: number): void {
    const taken = this.withIntent("wanted").slice(0, count);
    for (const held of taken) held.givingUp = "no";
    this.announce(taken);
  }

  /** Nothing of the bucket may be in flight any more. Returns whether it can be released now. */
  drained(bucket: number): boolean {
    const held = this.held.get(bucket);
    if (held === undefined) return false;
    this.announce([held]);
    return held.givingUp === "wanted" && !this.isBusy(held);
  }

  /** Tells of all buckets for which nothing is in flight any more. */
  announceAll(): void {
    this.announce([...this.held.values()]);
  }

  /** The buckets to release now; from now on they are not held for certain. Those whose release failed are among them. */
  takeReleasable(): BucketFence {
    const drained = this.withIntent("wanted").filter((held) => !this.isBusy(held));
    for (const held of drained) held.givingUp = "sent";
    return this.fenceOf(this.withIntent("sent"));
  }

  released(asked: BucketFence, passedOver: readonly number[]): void {
    for (const held of this.allBut(asked, passedOver)) this.remove(held);
  }

  clean(bucket: number): void {
    const held = this.held.get(bucket);
    if (held === undefined || held.owned.uncleanTakeovers === 0) return;
    held.owned = Object.freeze({ ...held.owned, uncleanTakeovers: 0 });
    held.isCleanUnnoted = true;
  }

  noted(asked: BucketFence, passedOver: readonly number[]): void {
    for (const held of this.allBut(asked, passedOver)) held.isCleanUnnoted = false;
  }

  private find(bucket: number, epoch: bigint): Held | undefined {
    const held = this.held.get(bucket);
    return held?.owned.epoch === epoch ? held : undefined;
  }

  /** Of those that were asked for, what is still held, but for the buckets that were passed over. */
  private allBut({ epochs }: BucketFence, passedOver: readonly number[]): readonly Held[] {
    const dealtWith = [...epochs].filter(([bucket]) => !passedOver.includes(bucket));
    return dealtWith.flatMap(([bucket, epoch]) => this.find(bucket, epoch) ?? []);
  }

  private findCertain(bucket: number, epoch: bigint): Held | undefined {
    const held = this.find(bucket, epoch);
    return held?.givingUp === "sent" ? undefined : held;
  }

  private withIntent(givingUp: Held["givingUp"]): Held[] {
    return [...this.held.values()].filter((held) => held.givingUp === givingUp);
  }

  private isBusy({ owned }: Held): boolean {
    return this.parts.isInFlight(owned.bucket);
  }

  private announce(candidates: readonly Held[]): void {
    const ready = candidates.filter((held) => !held.isAnnounced && held.givingUp === "no" && !this.isBusy(held));
    if (ready.length === 0) return;
    this.parts.onAcquired(ready.map(({ owned }) => owned));
    for (const held of ready) held.isAnnounced = true;
  }

  private remove(held: Held): void {
    this.held.delete(held.owned.bucket);
    if (held.isAnnounced) this.parts.onGone(held.owned);
  }

  private fenceOf(held: readonly Held[]): BucketFence {
    const epochs = new Map(held.map(({ owned }) => [owned.bucket, owned.epoch]));
    return { kind: "buckets", owner: this.parts.owner, epochs };
  }
}

function isReadable({ isAnnounced, givingUp, deadline }: Held): boolean {
  return isAnnounced && givingUp === "no" && deadline.remainingMs() > 0;
}
