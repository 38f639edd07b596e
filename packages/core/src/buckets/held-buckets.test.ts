import { describe, expect, it } from "vitest";
import { startLeaseDeadline } from "../processor/lease-deadline.js";
import { createManualClock } from "../testing/manual-clock.js";
import { HeldBuckets } from "./held-buckets.js";

const leaseMs = 1_000;

const answer = (held: readonly number[], passedOver: readonly number[] = []) => ({ held, passedOver });

function createHeld() {
  const clock = createManualClock();
  const inFlight = new Set<number>();
  const told: string[] = [];
  const held = new HeldBuckets({
    owner: "me",
    nowMs: () => 0,
    isInFlight: (bucket) => inFlight.has(bucket),
    onAcquired: (buckets) => void told.push(...buckets.map(({ bucket, epoch }) => `acquired ${bucket}/${epoch}`)),
    onGone: ({ bucket, epoch }) => void told.push(`gone ${bucket}/${epoch}`),
  });
  const acquire = (bucket: number, epoch: bigint) =>
    held.acquired([{ bucket, epoch, uncleanTakeovers: 0 }], startLeaseDeadline(clock, leaseMs));
  const newDeadline = () => startLeaseDeadline(clock, leaseMs);
  return { clock, held, inFlight, told, acquire, newDeadline };
}

describe("the buckets that a worker holds", () => {
  it("are changed by no answer to a renewal that was sent under an earlier epoch", async () => {
    const { clock, held, told, acquire, newDeadline } = createHeld();
    acquire(1, 1n);
    const asked = held.fence;
    const deadline = newDeadline();
    await clock.advance(100);
    acquire(1, 2n);
    expect(held.renewed(asked, answer([]), deadline)).toEqual([]);
    expect(held.renewed(asked, answer([1]), deadline)).toEqual([]);
    expect([held.isHeld(1, 1n), held.isHeld(1, 2n), held.remainingMs(1, 2n)]).toEqual([false, true, leaseMs]);
    expect(told).toEqual(["acquired 1/1", "gone 1/1", "acquired 1/2"]);
  });

  it("keep what was left of their lease when a renewal has passed them over", async () => {
    const { clock, held, told, acquire, newDeadline } = createHeld();
    acquire(1, 1n);
    acquire(2, 1n);
    await clock.advance(400);
    expect(held.renewed(held.fence, answer([1], [2]), newDeadline())).toEqual([]);
    expect([held.remainingMs(1, 1n), held.remainingMs(2, 1n)]).toEqual([leaseMs, leaseMs - 400]);
    await clock.advance(600);
    expect([held.readable.map(({ bucket }) => bucket), held.isHeld(2, 1n)]).toEqual([[1], true]);
    expect(told).toEqual(["acquired 1/1", "acquired 2/1"]);
  });

  it("are changed by no answer to a release that was sent under an earlier epoch", () => {
    const { held, told, acquire } = createHeld();
    acquire(1, 1n);
    held.giveUp(1);
    const releasing = held.takeReleasable();
    acquire(1, 2n);
    held.released(releasing, []);
    expect(held.isHeld(1, 2n)).toBe(true);
    expect(told).toEqual(["acquired 1/1", "gone 1/1", "acquired 1/2"]);
  });

  it("are not lost, but gone, when a renewal shows that their release was carried out", () => {
    const { held, told, acquire, newDeadline } = createHeld();
    acquire(1, 1n);
    const asked = held.fence;
    held.giveUp(1);
    const releasing = held.takeReleasable();
    expect(held.renewed(asked, answer([]), newDeadline())).toEqual([]);
    held.released(releasing, []);
    expect(told).toEqual(["acquired 1/1", "gone 1/1"]);
  });

  it("are not renewed while their release is under way", () => {
    const { held, acquire } = createHeld();
    acquire(1, 1n);
    acquire(2, 1n);
    held.giveUp(1);
    held.takeReleasable();
    expect([...held.fence.epochs.keys()]).toEqual([1]);
  });

  it("are released again when the release failed, and are not taken back", () => {
    const { held, acquire } = createHeld();
    acquire(1, 1n);
    held.giveUp(1);
    held.takeReleasable();
    held.takeBack(1);
    expect([held.kept, held.isHeld(1, 1n), held.takeReleasable().epochs]).toEqual([0, false, new Map([[1, 1n]])]);
  });

  it("are never spoken of when they were lost before they were announced", () => {
    const { held, told, acquire, inFlight, newDeadline } = createHeld();
    inFlight.add(1);
    acquire(1, 1n);
    expect([held.readable, held.count]).toEqual([[], 1]);
    expect(held.renewed(held.fence, answer([]), newDeadline())).toEqual([1]);
    expect(told).toEqual([]);
  });

  it("are announced when they are taken back, if that was put off before", () => {
    const { held, told, acquire, inFlight } = createHeld();
    inFlight.add(1);
    acquire(1, 1n);
    held.giveUp(1);
    inFlight.delete(1);
    held.takeBack(1);
    expect(told).toEqual(["acquired 1/1"]);
    expect(held.readable.map(({ bucket }) => bucket)).toEqual([1]);
  });
});
