import { checkRandomSchedules, randomSchedules, stepsPerSchedule } from "../../schedule/check-random-schedules.js";
import type { InboxRepositoryCase } from "../inbox-repository-case.js";
import { openInbox } from "../inbox-scenario.js";
import { drawSchedule } from "./draw-schedule.js";
import { runSchedule } from "./run-schedule.js";

/** Random orders of everything that consumers and processors do, against a model. */
export const randomScheduleCases: readonly InboxRepositoryCase[] = [
  {
    id: "inbox.schedules.random",
    title: `${randomSchedules} random schedules of ${stepsPerSchedule} steps leave the rows and effects that a simple model says`,
    guarantee: "G3",
    requires: ["concurrentTransactions"],
    async run(harness, features) {
      const inbox = openInbox(harness, features);
      await checkRandomSchedules(drawSchedule, (name, steps) => runSchedule(harness, features, inbox, name, steps));
    },
  },
];
