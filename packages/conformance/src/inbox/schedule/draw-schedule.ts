import { createSeededRandom } from "../../schedule/seeded-random.js";
import { type End, type InboxStep, scheduleMessages, scheduleTimes, scheduleWorkers } from "./schedule-step.js";

const ends: readonly End[] = ["commit", "commit", "commit", "roll-back", "swallow-error"];

/** Draws a schedule of `length` steps; the same seed gives the same schedule on every machine. */
export function drawSchedule(seed: number, length: number): readonly InboxStep[] {
  const { next, below, oneOf } = createSeededRandom(seed);
  const worker = () => below(scheduleWorkers);
  const messages = () => Array.from({ length: 1 + below(4) }, () => below(scheduleMessages));
  const take = (by = worker()): InboxStep => ({ do: "take", worker: by, limit: 2 + below(8), headsOnly: next() < 0.3 });
  const process = (by = worker()): InboxStep => ({ do: "process", worker: by, end: oneOf(ends) });
  const settle = (by = worker()): InboxStep => ({
    do: "settle",
    worker: by,
    as: oneOf(["release", "retry", "retry", "fail"]),
  });
  const countStart = (by = worker()): InboxStep => ({ do: "count-start", worker: by, starts: 1 + below(3) });
  const pass = (ms: number = oneOf(scheduleTimes.passesMs)): InboxStep => ({ do: "pass", ms });
  // What most faults have to do with, and what independent steps would rarely make.
  const takeOver = (first = worker(), second = (first + 1) % scheduleWorkers): readonly InboxStep[] => [
    take(first),
    pass(scheduleTimes.passesMs[1]),
    take(second),
    oneOf([process, settle, countStart])(first),
    oneOf([process, settle])(second),
  ];
  const drawPart: readonly (() => readonly InboxStep[])[] = [
    () => [{ do: "handle", messages: messages(), inOrder: next() < 0.5, end: oneOf(ends) }],
    () => [{ do: "handle-together", messages: messages() }],
    () => [
      { do: "store", messages: messages(), status: oneOf(["pending", "pending", "pending", "failed", "completed"]) },
    ],
    () => [take()],
    () => [process()],
    () => [take(), settle()],
    () => [settle()],
    () => [countStart()],
    () => [pass()],
    () => takeOver(),
    () => takeOver(),
  ];
  const steps: InboxStep[] = [];
  while (steps.length < length) steps.push(...oneOf(drawPart)());
  return steps.slice(0, length);
}
