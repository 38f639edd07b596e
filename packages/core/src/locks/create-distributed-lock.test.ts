import { describe, expect, it, vi } from "vitest";
import { captureLogger } from "../../test/captured-logger.js";
import { driveUntilSettled } from "../../test/drive-clock.js";
import { isOmniBoxError } from "../errors/omni-box-error.js";
import type { HeldLock, LockOptions } from "../protocols/distributed-lock.js";
import { createManualClock } from "../testing/manual-clock.js";
import { createMemoryLockStore } from "../testing/memory-lock-store.js";
import { createDistributedLock } from "./create-distributed-lock.js";

const key = "order-1";
const ttlMs = 3_000;

/** A store and two processes that use it, on clocks of their own: the second one can be paused. */
function setUp() {
  const clock = createManualClock();
  const pausable = createManualClock();
  const store = createMemoryLockStore(clock);
  const logger = captureLogger();
  const spied = {
    ...store,
    take: vi.fn(store.take),
    extend: vi.fn(store.extend),
    release: vi.fn(store.release),
  };
  const lock = createDistributedLock(spied, { clock, logger });
  const other = createDistributedLock(store, { clock: pausable, logger });
  async function hold(options: LockOptions = { ttlMs }, by = lock): Promise<HeldLock> {
    const held = await by.acquire(key, options);
    return held ?? expect.fail("the lock could not be had");
  }
  return { clock, pausable, store, spied, logger, lock, other, hold };
}

describe("a distributed lock that is held", () => {
  it("is extended after each third of its time, counted from before the request", async () => {
    const { clock, spied, hold, store } = setUp();
    await hold();
    await clock.advance(999);
    expect(spied.extend).not.toHaveBeenCalled();
    store.answerAfter(200);
    await clock.advance(1);
    expect(spied.extend).toHaveBeenCalledTimes(1);
    await clock.advance(999);
    expect(spied.extend).toHaveBeenCalledTimes(1);
    await clock.advance(1);
    expect(spied.extend).toHaveBeenCalledTimes(2);
  });

  it("outlives its time while it is extended, and ends with its release", async () => {
    const { clock, hold, store, other } = setUp();
    const held = await hold();
    await clock.advance(10 * ttlMs);
    expect([held.signal.aborted, store.isHeld(key)]).toEqual([false, true]);
    expect(await other.acquire(key)).toBe(null);
    await held.release();
    expect(held.signal.aborted).toBe(false);
    const next = await other.acquire(key);
    expect(next?.fencingNumber).toBe(held.fencingNumber + 1);
  });

  it("leaves no timer behind when it was released or lost", async () => {
    const { clock, hold, store } = setUp();
    await (await hold()).release();
    expect(clock.pendingTimers).toBe(0);
    await hold();
    store.forget();
    await clock.advance(ttlMs);
    expect(clock.pendingTimers).toBe(0);
  });

  it("is lost at its next extension when the store has forgotten it, and does not touch the next holder's", async () => {
    const { clock, hold, store, other, logger } = setUp();
    const held = await hold();
    store.forget();
    expect(await other.acquire(key, { ttlMs: 60_000 })).not.toBe(null);
    await clock.advance(ttlMs / 3);
    expect(held.signal.aborted).toBe(true);
    expect(isOmniBoxError(held.signal.reason, "LOCK.LOST")).toBe(true);
    await held.release();
    expect(store.isHeld(key)).toBe(true);
    expect(logger.alarms).toEqual(["a lock was lost: its store has forgotten it, or somebody else has it"]);
  });

  it("is lost when its time since the start of the last good extension is over, however often extensions fail", async () => {
    const { clock, hold, store, spied } = setUp();
    const held = await hold();
    await clock.advance(1_000);
    expect(spied.extend).toHaveBeenCalledTimes(1);
    store.disconnect();
    await clock.advance(2_999);
    expect(held.signal.aborted).toBe(false);
    expect(spied.extend.mock.calls.length).toBeGreaterThan(4);
    await clock.advance(1);
    expect(held.signal.reason).toMatchObject({ code: "LOCK.LOST" });
  });

  it("survives an outage of its store that ends in time", async () => {
    const { clock, hold, store } = setUp();
    const held = await hold();
    store.disconnect();
    await clock.advance(2_700);
    store.reconnect();
    await clock.advance(ttlMs);
    expect(held.signal.aborted).toBe(false);
  });

  it("counts answers that come too late for nothing", async () => {
    const { clock, hold, store } = setUp();
    const held = await hold();
    store.answerAfter(1_500);
    await clock.advance(2_999);
    expect(held.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(held.signal.aborted).toBe(true);
  });

  it("says that it is lost as soon as a paused holder looks, before any timer has run", async () => {
    const { clock, pausable, hold, lock, other, store } = setUp();
    const held = await hold({ ttlMs }, other);
    await clock.advance(ttlMs);
    expect(await lock.acquire(key)).not.toBe(null);
    // The machine was suspended: its monotonic clock and timers stood still.
    pausable.stepWallClock(ttlMs);
    expect(held.signal.reason).toMatchObject({ code: "LOCK.LOST" });
    await held.release();
    expect(store.isHeld(key)).toBe(true);
  });

  it("is released by `await using`, also when the block throws", async () => {
    const { hold, store } = setUp();
    const failing = async () => {
      await using held = await hold();
      expect(held.key).toBe(key);
      throw new Error("in the block");
    };
    await expect(failing()).rejects.toThrow("in the block");
    expect(store.isHeld(key)).toBe(false);
  });

  it("is released once, and again a little later when the store does not answer, without rejecting", async () => {
    const { clock, hold, store, spied } = setUp();
    const held = await hold({ ttlMs: 60_000 });
    store.disconnect();
    await Promise.all([held.release(), held.release()]);
    expect(spied.release).toHaveBeenCalledTimes(1);
    expect(store.isHeld(key)).toBe(true);
    store.reconnect();
    await clock.advance(100);
    expect([spied.release.mock.calls.length, store.isHeld(key)]).toEqual([2, false]);
    await clock.advance(60_000);
    expect(spied.release).toHaveBeenCalledTimes(2);
  });
});

describe("acquiring a distributed lock", () => {
  it("answers null while another holds it, after one look unless it is told to wait", async () => {
    const { other, spied, hold, lock } = setUp();
    await hold({ ttlMs }, other);
    expect(await lock.acquire(key)).toBe(null);
    expect(spied.take).toHaveBeenCalledTimes(1);
    expect(await lock.acquire("another key")).not.toBe(null);
  });

  it("waits for at most `waitMs`, with a last look at the end, and looks a few times a second", async () => {
    const { clock, hold, lock, spied } = setUp();
    await hold({ ttlMs: 60_000 });
    spied.take.mockClear();
    const startedMs = clock.monotonicMs();
    expect(await driveUntilSettled(clock, lock.acquire(key, { waitMs: 2_000 }), { stepMs: 1 })).toBe(null);
    expect(clock.monotonicMs() - startedMs).toBe(2_000);
    expect(spied.take.mock.calls.length).toBeGreaterThan(8);
    expect(spied.take.mock.calls.length).toBeLessThan(25);
  });

  it("has a lock soon after it was released", async () => {
    const { clock, hold, lock } = setUp();
    const held = await hold();
    const waiting = lock.acquire(key, { waitMs: 60_000 });
    await clock.advance(10_000);
    await held.release();
    await clock.advance(250);
    expect(await waiting).not.toBe(null);
  });

  it("ends with null when its signal is aborted: while it waits, and before it asks", async () => {
    const { clock, hold, lock, spied } = setUp();
    await hold();
    const stopping = new AbortController();
    const waiting = lock.acquire(key, { waitMs: 60_000, signal: stopping.signal });
    await clock.advance(100);
    stopping.abort();
    expect(await waiting).toBe(null);
    spied.take.mockClear();
    expect(await lock.acquire(key, { signal: stopping.signal })).toBe(null);
    expect(spied.take).not.toHaveBeenCalled();
  });

  it("gives back a lock that is had only after the signal was aborted", async () => {
    const { clock, lock, store } = setUp();
    store.answerAfter(500);
    const stopping = new AbortController();
    const waiting = lock.acquire(key, { signal: stopping.signal });
    await clock.advance(100);
    stopping.abort();
    expect(await waiting).toBe(null);
    await clock.advance(1_000);
    expect(store.isHeld(key)).toBe(false);
  });

  it("is LOCK.UNAVAILABLE when the store does not answer in time, and leaves nothing behind that is carried out late", async () => {
    const { clock, lock, store } = setUp();
    store.answerAfter(5_000);
    const failing = expect(lock.acquire(key, { ttlMs: 60_000, waitMs: 60_000 })).rejects.toMatchObject({
      code: "LOCK.UNAVAILABLE",
      message: expect.stringContaining("within 1000 ms"),
    });
    await clock.advance(1_000);
    await failing;
    await clock.advance(4_000);
    // The request was carried out after all; what gives the lock back was sent behind it.
    await clock.advance(1_000);
    expect(store.isHeld(key)).toBe(false);
  });

  it("says nothing of a foreign error but its kind: its text may hold the key", async () => {
    const take = () => Promise.reject(new TypeError(`cannot read ${key}`));
    const { store, clock, logger } = setUp();
    const lock = createDistributedLock({ ...store, take }, { clock, logger });
    const error: unknown = await lock.acquire(key).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "LOCK.UNAVAILABLE", message: expect.stringContaining("a TypeError") });
    expect(JSON.stringify([String(error), logger.lines])).not.toContain(key);
  });

  it("is refused with all problems of key and options", async () => {
    const { lock } = setUp();
    await expect(lock.acquire("", { ttlMs: 1, waitMs: -1, signal: 1 } as never)).rejects.toThrow(
      /acquire: 4 problems: key: .*; ttlMs: .*it is 1; waitMs: .*it is -1; signal: expected an AbortSignal$/,
    );
    await expect(lock.acquire("k".repeat(256))).rejects.toMatchObject({ code: "CONFIG.INVALID_OPTIONS" });
    expect(() => createDistributedLock({} as never, { requestTimeoutMs: 0 })).toThrow(/2 problems: store: .*; request/);
  });
});

describe("withLock", () => {
  it("runs the work under the lock, gives its result, and releases", async () => {
    const { lock, store } = setUp();
    const result = await lock.withLock(key, async (held) => [held.key, store.isHeld(key)]);
    expect(result).toEqual([key, true]);
    expect(store.isHeld(key)).toBe(false);
  });

  it("releases when the work fails, and rejects with the very error", async () => {
    const { lock, store } = setUp();
    const error = new Error("the work's own");
    await expect(lock.withLock(key, () => Promise.reject(error))).rejects.toBe(error);
    expect(store.isHeld(key)).toBe(false);
  });

  it("does not run the work when the lock is held by another, or nobody can say by whom", async () => {
    const { lock, store, hold } = setUp();
    const work = vi.fn(async () => undefined);
    await hold();
    await expect(lock.withLock(key, work)).rejects.toMatchObject({ code: "LOCK.HELD_BY_ANOTHER" });
    store.disconnect();
    await expect(lock.withLock(key, work)).rejects.toMatchObject({ code: "LOCK.UNAVAILABLE" });
    expect(work).not.toHaveBeenCalled();
  });
});
