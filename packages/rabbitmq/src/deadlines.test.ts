import { createManualClock } from "@omni-box/core/testing";
import { beforeEach, expect, it } from "vitest";
import { Deadlines } from "./deadlines.js";
import { FifoNode } from "./fifo-list.js";

interface Entry {
  readonly name: string;
  readonly deadlineMs: number;
}

let clock: ReturnType<typeof createManualClock>;
let deadlines: Deadlines<Entry>;
let expired: string[][];

beforeEach(() => {
  clock = createManualClock();
  expired = [];
  deadlines = new Deadlines<Entry>(clock, (due) => {
    expired.push(due.map(({ name }) => name));
    for (const entry of due) deadlines.remove(nodes.get(entry.name) as FifoNode<Entry>);
  });
  nodes.clear();
});
const nodes = new Map<string, FifoNode<Entry>>();

function add(name: string, timeoutMs: number): void {
  const node = new FifoNode<Entry>({ name, deadlineMs: clock.monotonicMs() + timeoutMs });
  nodes.set(name, node);
  deadlines.add(node, timeoutMs);
}

it("reports each entry at its deadline and not before, whatever the order of the time-outs", async () => {
  add("slow", 1_000);
  add("fast", 100);
  await clock.advance(50);
  add("late fast", 100);

  await clock.advance(49);
  expect(expired).toEqual([]);
  await clock.advance(1);
  expect(expired).toEqual([["fast"]]);
  await clock.advance(50);
  expect(expired).toEqual([["fast"], ["late fast"]]);
  await clock.advance(850);
  expect(expired).toEqual([["fast"], ["late fast"], ["slow"]]);
});

it("reports what is due at the same time together", async () => {
  add("a", 100);
  add("b", 100);

  await clock.advance(100);

  expect(expired).toEqual([["a", "b"]]);
});

it("forgets what was removed", async () => {
  add("confirmed", 100);
  add("silent", 200);
  deadlines.remove(nodes.get("confirmed") as FifoNode<Entry>);

  await clock.advance(1_000);

  expect(expired).toEqual([["silent"]]);
});

it("never uses more than one timer, and none when nothing is watched", async () => {
  for (let index = 0; index < 1_000; index += 1) add(`entry ${index}`, 100 + (index % 7));

  expect(clock.pendingTimers).toBe(1);
  for (const node of nodes.values()) deadlines.remove(node);
  deadlines.disarmWhenIdle();
  expect(clock.pendingTimers).toBe(0);
});

it("watches a deadline that is further away than a timer can wait", async () => {
  const month = 30 * 24 * 3_600_000;
  add("far", month);

  await clock.advance(month - 1);
  expect(expired).toEqual([]);
  await clock.advance(1);

  expect(expired).toEqual([["far"]]);
});
