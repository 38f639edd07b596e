// @ts-check
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../repository.mjs";
import { runCommand } from "../run-command.mjs";

/** Runs Vitest's projects and sums up what their reports say. */
export function createVitestRuns() {
  let testsPassed = 0;
  let testsFailed = 0;

  return {
    /**
     * @param {string | string[]} projects
     * @param {{ env: Record<string, string>, node?: string }} options
     * @returns {Promise<import("../steps.mjs").StepResult>}
     */
    async run(projects, { env, node = process.execPath }) {
      const folder = mkdtempSync(join(tmpdir(), "omni-box-vitest-"));
      const file = join(folder, "report.json");
      const args = [
        join(root, "node_modules/vitest/vitest.mjs"),
        "run",
        ...[projects].flat().map((project) => `--project=${project}`),
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${file}`,
      ];
      const { ok } = await runCommand(node, args, { env, output: "stream" });
      const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
      rmSync(folder, { recursive: true, force: true });

      const { numPassedTests: passed = 0, numFailedTests: failed = 0, numPendingTests: skipped = 0 } = report;
      // An error outside of every test, or a file that could not be loaded, fails the run but no test.
      const unaccounted = !ok && failed === 0 ? 1 : 0;
      testsPassed += passed;
      testsFailed += failed + unaccounted;
      const note = [`${passed} passed`, `${failed} failed`, ...(skipped > 0 ? [`${skipped} skipped`] : [])].join(", ");
      return { ok, output: "", note, countsTests: true };
    },

    counts: () => ({ testsPassed, testsFailed }),
  };
}
