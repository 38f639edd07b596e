import { createSeededRandom } from "../../../schedule/seeded-random.js";
import {
  type BucketScheduleStep,
  type BucketSettlement,
  bucketScheduleTimes,
  bucketScheduleWorkers,
} from "./bucket-schedule-step.js";

/** Keys of the events; with 64 buckets or more each falls into one of the few that the workers contend for. */
export const scheduleKeys = 8;

const settlements: readonly BucketSettlement[] = ["complete", "complete", "retry", "retry", "retry", "fail", "start"];

/** Draws a schedule of `length` steps; the same seed gives the same schedule on every machine. */
export function drawBucketSchedule(seed: number, length: number): readonly BucketScheduleStep[] {
  const { next: random, below, oneOf } = createSeededRandom(seed);
  const worker = () => below(bucketScheduleWorkers);
  const settle = (by: number): BucketScheduleStep => ({
    do: "settle",
    worker: by,
    as: oneOf(settlements),
    everyNth: 1 + below(2),
    times: random() < 0.2 ? 2 : 1,
  });
  const acquire = (by: number): BucketScheduleStep => ({ do: "acquire", worker: by, limit: 1 + below(3) });
  const read = (by: number): BucketScheduleStep => ({ do: "read", worker: by, limit: 1 + below(8) });
  const longPass: BucketScheduleStep = { do: "pass", ms: bucketScheduleTimes.passesMs[1] };
  const work = (by: number) => [read(by), settle(by)];
  /** A worker reads, stalls past its lease, another takes over, and the first one wakes up. */
  const takeOver = (late: number, next: number) => [
    acquire(late),
    ...work(late),
    read(late),
    longPass,
    acquire(next),
    settle(late),
  ];
  /** A worker gives up what it has read and gets it again under another epoch. */
  const comeBack = (by: number): BucketScheduleStep[] => [
    read(by),
    { do: "release", worker: by, everyNth: 1 },
    acquire(by),
    settle(by),
  ];
  const drawPart: readonly (() => readonly BucketScheduleStep[])[] = [
    () => [{ do: "add", keys: Array.from({ length: 1 + below(4) }, () => below(scheduleKeys)) }],
    () => [acquire(worker())],
    () => [acquire(worker())],
    () => [{ do: "acquire-together", limit: 1 + below(3) }],
    () => [{ do: "renew", worker: worker() }],
    () => [{ do: "release", worker: worker(), everyNth: 1 + below(2) }],
    () => [{ do: "restart", worker: worker() }],
    () => [{ do: "leave", worker: worker() }],
    () => [{ do: "clean", worker: worker() }],
    () => work(worker()),
    () => work(worker()),
    () => [settle(worker())],
    () => [{ do: "survey" }],
    () => [{ do: "pass", ms: oneOf(bucketScheduleTimes.passesMs) }],
    () => takeOver(worker(), worker()),
    () => takeOver(worker(), worker()),
    () => comeBack(worker()),
  ];
  const steps: BucketScheduleStep[] = [];
  while (steps.length < length) steps.push(...oneOf(drawPart)());
  return steps.slice(0, length);
}
