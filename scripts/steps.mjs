// @ts-check

/**
 * @typedef {object} StepResult
 * @property {boolean} ok
 * @property {string} output Shown when the step failed, unless it was shown already.
 * @property {string} [note] One line that belongs into the summary.
 * @property {boolean} [countsTests] Its failures are counted as tests.
 *
 * @typedef {() => Promise<StepResult>} StepWork
 *
 * @typedef {object} FinishedStep
 * @property {string} title
 * @property {boolean} ok
 * @property {number} seconds
 * @property {string} note
 * @property {boolean} countsTests
 */

/**
 * Runs the steps of a command, one after the other or together, and tells what became of each.
 *
 * @param {{ only: string[] | undefined }} options
 */
export function createSteps({ only }) {
  /** @type {FinishedStep[]} */
  const finished = [];
  const startedAt = performance.now();

  /**
   * @param {string} title
   * @param {StepWork} work
   */
  const execute = async (title, work) => {
    const stepStartedAt = performance.now();
    /** @type {StepResult} */
    const result = await work().catch((error) => ({
      ok: false,
      output: error instanceof Error ? (error.stack ?? error.message) : String(error),
    }));
    const seconds = (performance.now() - stepStartedAt) / 1000;
    const step = { title, ok: result.ok, seconds, note: result.note ?? "", countsTests: result.countsTests ?? false };
    finished.push(step);
    return { step, output: result.ok ? "" : result.output };
  };

  /** @param {Awaited<ReturnType<typeof execute>>} execution */
  const conclude = ({ step, output }) => {
    if (output) console.log(output.trimEnd());
    console.log(`${describe(step)}\n`);
  };

  const isWanted = (/** @type {string} */ name) => only === undefined || only.includes(name);

  /**
   * @param {string} name
   * @param {string} title
   * @param {StepWork} work
   */
  const run = async (name, title, work) => {
    if (!isWanted(name)) return true;
    console.log(`── ${title}`);
    const execution = await execute(title, work);
    conclude(execution);
    return execution.step.ok;
  };

  return {
    run,

    /**
     * A step that all others need, whatever was asked for.
     *
     * @param {string} title
     * @param {StepWork} work
     */
    async setUp(title, work) {
      console.log(`── ${title}`);
      const execution = await execute(title, work);
      conclude(execution);
      return execution.step.ok;
    },

    /**
     * Steps that do not disturb each other; each is shown when it is done.
     *
     * @param {Array<[name: string, title: string, work: StepWork]>} group
     */
    async together(group) {
      await Promise.all(
        group
          .filter(([name]) => isWanted(name))
          .map(async ([, title, work]) => {
            const execution = await execute(title, work);
            console.log(`── ${title}`);
            conclude(execution);
          }),
      );
    },

    /** Prints the summary and gives the steps that failed. */
    report() {
      console.log("── Summary");
      for (const step of finished) console.log(describe(step));
      console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(7)} s in all`);
      return finished.filter((step) => !step.ok);
    },
  };
}

/** @param {FinishedStep} step */
function describe({ ok, seconds, title, note }) {
  return `${ok ? "✓" : "✗"} ${seconds.toFixed(1).padStart(5)} s  ${title}${note ? ` (${note})` : ""}`;
}
