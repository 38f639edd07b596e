import { randomInt } from "node:crypto";
import { shortenSchedule } from "./shorten-schedule.js";

/** Schedules that each case of this kind draws. */
export const randomSchedules = 20;
export const stepsPerSchedule = 50;
/** Set to the seed of a failure to run the same schedules again. */
const seedVariable = "OMNI_BOX_KIT_SEED";

/**
 * Draws schedules and runs them until one fails; that one is then shortened.
 *
 * @param run - carries out one schedule, whose events are kept apart from those of others by the unique `name`
 * @throws {Error} with the failure, the shortest schedule that leads to it, and the seed that runs it again.
 */
export async function checkRandomSchedules<Step>(
  draw: (seed: number, length: number) => readonly Step[],
  run: (name: string, steps: readonly Step[]) => Promise<void>,
): Promise<void> {
  const seed = Number(process.env[seedVariable] ?? randomInt(2 ** 31));
  let runs = 0;
  const failureOf = async (steps: readonly Step[]): Promise<unknown> => {
    runs += 1;
    try {
      await run(`schedule-${runs}`, steps);
      return null;
    } catch (error) {
      return error;
    }
  };
  for (let schedule = 0; schedule < randomSchedules; schedule += 1) {
    const steps = draw(seed + schedule, stepsPerSchedule);
    if ((await failureOf(steps)) === null) continue;
    const shortest = await shortenSchedule(steps, async (fewer) => (await failureOf(fewer)) !== null);
    throw scheduleFailure(seed + schedule, shortest, await failureOf(shortest));
  }
}

function scheduleFailure(seed: number, steps: readonly unknown[], failure: unknown): Error {
  const listed = steps.map((step) => `  ${JSON.stringify(step)}`).join("\n");
  const reason = failure instanceof Error ? failure.message : "it did not fail again: the fault depends on timing";
  return new Error(`${reason}\nShortest failing schedule (${seedVariable}=${seed} runs it again):\n${listed}`, {
    cause: failure,
  });
}
