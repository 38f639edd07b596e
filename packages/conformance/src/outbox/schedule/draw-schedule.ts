import { createSeededRandom } from "../../schedule/seeded-random.js";
import { type ScheduleStep, type Settlement, scheduleTimes, scheduleWorkers } from "./schedule-step.js";

const settlements: readonly Settlement[] = ["complete", "complete", "retry", "release", "release", "fail"];

/** Draws a schedule of `length` steps; the same seed gives the same schedule on every machine. */
export function drawSchedule(seed: number, length: number): readonly ScheduleStep[] {
  const { next: random, below, oneOf } = createSeededRandom(seed);
  const worker = () => below(scheduleWorkers);
  const key = () => (random() < 0.6 ? null : below(4));
  const settle = (): ScheduleStep => ({
    do: "settle",
    worker: worker(),
    as: oneOf(settlements),
    everyNth: 1 + below(2),
  });
  // Few events, so that many steps meet the same one; settling more often than the rest, so that little leads nowhere.
  const drawPart: readonly (() => readonly ScheduleStep[])[] = [
    () => [{ do: "add", keys: Array.from({ length: 1 + below(3) }, key), rollBack: random() < 0.25 }],
    () => [{ do: "take", worker: worker(), limit: 1 + below(5) }],
    () => [{ do: "take", worker: worker(), limit: 10 }],
    () => [{ do: "take-together", limit: 1 + below(5) }],
    () => [settle()],
    () => [settle()],
    () => [{ do: "settle", worker: worker(), as: "retry", everyNth: 1 }],
    () => [{ do: "extend", worker: worker() }],
    () => [{ do: "lock", worker: worker(), event: below(12) }],
    () => [{ do: "unlock", event: below(12) }],
    () => [{ do: "pass", ms: oneOf(scheduleTimes.passesMs) }],
    // A take-over: what most faults have to do with, and what independent steps would rarely make.
    () => [{ do: "pass", ms: scheduleTimes.passesMs[1] }, { do: "take", worker: worker(), limit: 10 }, settle()],
  ];
  const steps: ScheduleStep[] = [];
  while (steps.length < length) steps.push(...oneOf(drawPart)());
  return steps.slice(0, length);
}
