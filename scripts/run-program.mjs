// @ts-check
import { onInterrupt } from "./on-interrupt.mjs";
import { endRunningCommands, runCommand } from "./run-command.mjs";
import { createServices } from "./services.mjs";
import { build, install } from "./set-up.mjs";

/**
 * Installs, builds and runs one program of the workspace against services that it gets in its environment.
 *
 * What is said here goes to stderr, so that stdout is the program's own.
 *
 * @param {object} program
 * @param {string} program.title what is built, for people
 * @param {string} program.package its name in the workspace
 * @param {string} program.folder where it is
 * @param {string} program.file what is run in there
 * @param {string[]} program.flags
 * @param {import("./services.mjs").ServiceName[]} program.services
 * @param {boolean} program.privateOnly start these services even where some are running
 */
export async function runProgram({ title, package: name, folder, file, flags, services: needed, privateOnly }) {
  await step("Installing dependencies", install);
  await step(`Building ${title}`, () => build([name]));

  const services = createServices({ log: (line) => console.error(line) });
  onInterrupt(async () => {
    await endRunningCommands();
    await services.stop();
  });
  try {
    const urls = await services.provide(needed, { privateOnly });
    console.error("");
    const run = await runCommand(process.execPath, [file, ...flags], {
      cwd: folder,
      env: { ...urls },
      output: "stream",
    });
    process.exitCode = run.exitCode ?? 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  } finally {
    await services.stop();
  }
}

/**
 * @param {string} title
 * @param {() => Promise<import("./run-command.mjs").CommandResult>} work
 */
async function step(title, work) {
  const startedAt = performance.now();
  process.stderr.write(`${title} … `);
  const result = await work();
  console.error(result.ok ? `${((performance.now() - startedAt) / 1000).toFixed(1)} s` : "failed");
  if (result.ok) return;
  console.error(result.output);
  process.exit(1);
}
