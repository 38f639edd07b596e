import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createStatementRunner } from "./run-statement.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const timeoutMs = 1_000;
const unansweredForMs = 60_000;
const runner = (maxUnanswered = 3) => createStatementRunner({ timeoutMs, maxUnanswered, unansweredForMs });

/** A call whose answer the test gives. */
function openCall<Result>() {
  let answer: (result: Result) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const promise = new Promise<Result>((resolve, reject) => {
    answer = resolve;
    fail = reject;
  });
  return { call: () => promise, answer, fail };
}

const never = () => new Promise<never>(() => undefined);

/** Lets a statement time out. */
async function timeOut(running: Promise<unknown>): Promise<void> {
  const rejected = expect(running).rejects.toMatchObject({ code: "STORE.TIMEOUT" });
  await vi.advanceTimersByTimeAsync(timeoutMs);
  await rejected;
}

describe("one statement", () => {
  it("returns the answer and leaves no timer behind", async () => {
    expect(await runner().run("read", async () => 7)).toBe(7);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("rejects with STORE.TIMEOUT when no answer comes in time", async () => {
    const running = runner().run("claim events", never);
    const rejected = expect(running).rejects.toMatchObject({
      message: expect.stringContaining("could not claim events: the database did not answer within 1000 ms"),
    });
    await timeOut(running);
    await rejected;
    expect(vi.getTimerCount()).toBe(0);
  });

  it("ignores a rejection that comes after the time-out", async () => {
    const { call, fail } = openCall();
    await timeOut(runner().run("claim events", call));
    fail(new Error("Connection terminated unexpectedly"));
    // An unhandled rejection would fail the run.
    await vi.advanceTimersByTimeAsync(1);
  });

  it("maps what the call throws, before it returns a promise too, and leaves no timer behind", async () => {
    const refuse = () => {
      throw new Error("Connection terminated");
    };
    await expect(runner().run("read", refuse)).rejects.toMatchObject({ code: "STORE.UNREACHABLE" });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("a late answer", () => {
  it("is handed over, whereas one that came in time is not", async () => {
    const late: number[] = [];
    const onLateAnswer = async (answer: number) => void late.push(answer);
    const { run } = runner();
    await run("claim events", async () => 1, { onLateAnswer });
    const { call, answer } = openCall<number>();
    await timeOut(run("claim events", call, { onLateAnswer }));
    answer(2);
    await vi.advanceTimersByTimeAsync(0);
    expect(late).toEqual([2]);
  });

  it("may be dealt with in vain: nobody waits for that", async () => {
    const { call, answer } = openCall<number>();
    await timeOut(runner().run("claim events", call, { onLateAnswer: () => Promise.reject(new Error("no")) }));
    answer(1);
    // An unhandled rejection would fail the run.
    await vi.advanceTimersByTimeAsync(1);
  });
});

describe("too many unanswered statements", () => {
  it("keep further ones from being sent, which is said, until one of them is answered", async () => {
    const { run } = runner(2);
    const [first, second] = [openCall<number>(), openCall<number>()];
    await timeOut(run("claim events", first.call));
    await timeOut(run("claim events", second.call));
    const send = vi.fn(async () => 7);
    await expect(run("claim events", send)).rejects.toMatchObject({
      code: "STORE.TIMEOUT",
      message: expect.stringContaining("could not claim events: it was not sent, because 2 earlier statements"),
      meta: { unanswered: 2 },
    });
    expect(send).not.toHaveBeenCalled();
    first.answer(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(await run("claim events", send)).toBe(7);
  });

  it("do not hold up one that gives back what a late answer took", async () => {
    const { run } = runner(1);
    await timeOut(run("claim events", never));
    expect(await run("give events back", async () => 7, { evenIfFull: true })).toBe(7);
  });

  it("count no more once they are refused", async () => {
    const { run } = runner(1);
    const { call, fail } = openCall();
    await timeOut(run("claim events", call));
    fail(new Error("Connection terminated unexpectedly"));
    await vi.advanceTimersByTimeAsync(0);
    expect(await run("claim events", async () => 7)).toBe(7);
  });

  it("are forgotten one by one, since a half-open connection never answers", async () => {
    const { run } = runner(2);
    await timeOut(Promise.all([run("a", never), run("b", never)]));
    await vi.advanceTimersByTimeAsync(unansweredForMs - 1);
    await expect(run("c", never)).rejects.toMatchObject({ meta: { unanswered: 2 } });
    await vi.advanceTimersByTimeAsync(1);
    await timeOut(run("c", never));
    // The second one is as old as the first, and yet only one statement was sent to see whether the database answers again.
    await expect(run("d", never)).rejects.toMatchObject({ meta: { unanswered: 2 } });
    await vi.advanceTimersByTimeAsync(unansweredForMs);
    expect(await run("d", async () => 7)).toBe(7);
    expect(await run("e", async () => 8)).toBe(8);
  });

  it("that are answered after they were forgotten make no extra room", async () => {
    const { run } = runner(1);
    const old = openCall<number>();
    await timeOut(run("a", old.call));
    await vi.advanceTimersByTimeAsync(unansweredForMs);
    await timeOut(run("b", never));
    old.answer(1);
    await vi.advanceTimersByTimeAsync(0);
    await expect(run("c", never)).rejects.toMatchObject({ meta: { unanswered: 1 } });
  });
});
