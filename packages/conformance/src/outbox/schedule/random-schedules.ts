import { randomInt } from "node:crypto";
import type { OutboxRepositoryCase } from "../outbox-repository-case.js";
import { openOutbox } from "../outbox-scenario.js";
import { drawSchedule } from "./draw-schedule.js";
import { runSchedule } from "./run-schedule.js";
import type { ScheduleStep } from "./schedule-step.js";
import { shortenSchedule } from "./shorten-schedule.js";

const schedules = 20;
const stepsPerSchedule = 50;
/** Set to the seed of a failure to run the same schedules again. */
const seedVariable = "OMNI_BOX_KIT_SEED";

/** Random orders of everything that workers do, against a model. */
export const randomScheduleCases: readonly OutboxRepositoryCase[] = [
  {
    id: "outbox.schedules.random",
    title: `${schedules} random schedules of ${stepsPerSchedule} steps leave in the store what a simple model says`,
    guarantee: "G5",
    async run(harness, features) {
      const outbox = openOutbox(harness, features);
      const seed = Number(process.env[seedVariable] ?? randomInt(2 ** 31));
      let runs = 0;
      const failureOf = async (steps: readonly ScheduleStep[]): Promise<unknown> => {
        runs += 1;
        try {
          await runSchedule(harness, outbox, `schedule-${runs}`, steps);
          return null;
        } catch (error) {
          return error;
        }
      };
      for (let schedule = 0; schedule < schedules; schedule += 1) {
        const steps = drawSchedule(seed + schedule, stepsPerSchedule);
        if ((await failureOf(steps)) === null) continue;
        const shortest = await shortenSchedule(steps, async (fewer) => (await failureOf(fewer)) !== null);
        throw scheduleFailure(seed + schedule, shortest, await failureOf(shortest));
      }
    },
  },
];

function scheduleFailure(seed: number, steps: readonly ScheduleStep[], failure: unknown): Error {
  const listed = steps.map((step) => `  ${JSON.stringify(step)}`).join("\n");
  const reason = failure instanceof Error ? failure.message : "it did not fail again: the fault depends on timing";
  return new Error(`${reason}\nShortest failing schedule (${seedVariable}=${seed} runs it again):\n${listed}`, {
    cause: failure,
  });
}
