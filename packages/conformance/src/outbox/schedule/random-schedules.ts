import { checkRandomSchedules, randomSchedules, stepsPerSchedule } from "../../schedule/check-random-schedules.js";
import type { OutboxRepositoryCase } from "../outbox-repository-case.js";
import { openOutbox } from "../outbox-scenario.js";
import { drawSchedule } from "./draw-schedule.js";
import { runSchedule } from "./run-schedule.js";

/** Random orders of everything that workers do, against a model. */
export const randomScheduleCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.schedules.random",
    title: `${randomSchedules} random schedules of ${stepsPerSchedule} steps leave in the store what a simple model says`,
    guarantee: "G5",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      await checkRandomSchedules(drawSchedule, (name, steps) => runSchedule(harness, outbox, name, steps));
    },
  },
];
