import { checkRandomSchedules, randomSchedules, stepsPerSchedule } from "../../../schedule/check-random-schedules.js";
import type { OutboxRepositoryCase } from "../../outbox-repository-case.js";
import { openBuckets } from "../bucket-scenario.js";
import { drawBucketSchedule } from "./draw-bucket-schedule.js";
import { runBucketSchedule } from "./run-bucket-schedule.js";

/** Random orders of everything that owners of buckets do, against a model. */
export const bucketScheduleCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.buckets.random",
    title: `in ${randomSchedules} random schedules of ${stepsPerSchedule} steps no owner writes under a stale epoch, and all is as a simple model says`,
    guarantee: "G5",
    requires: ["ownedBuckets"],
    async run(harness, features) {
      const scenario = openBuckets(harness, features);
      await checkRandomSchedules(drawBucketSchedule, (name, steps) =>
        runBucketSchedule(harness, scenario, name, steps),
      );
    },
  },
];
