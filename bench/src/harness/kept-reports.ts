import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BenchmarkReport } from "../benchmark-report.js";
import type { RunOptions } from "../run-options.js";

interface KeptReport {
  readonly options: RunOptions;
  readonly report: BenchmarkReport;
}

/**
 * The report that a folder keeps under this name, or else a new one, which is kept; without a folder always a new one.
 *
 * @throws {Error} when the kept one was measured with other options
 */
export async function keptOr(
  folder: string | undefined,
  name: string,
  options: RunOptions,
  measure: (options: RunOptions) => Promise<BenchmarkReport>,
): Promise<BenchmarkReport> {
  if (folder === undefined) return measure(options);
  const file = join(folder, `${name}.json`);
  if (existsSync(file)) {
    const kept = JSON.parse(await readFile(file, "utf8")) as KeptReport;
    if (JSON.stringify(kept.options) === JSON.stringify(options)) return kept.report;
    throw new Error(`${file} was measured with ${JSON.stringify(kept.options)}: remove it, or name another folder`);
  }
  const report = await measure(options);
  await mkdir(folder, { recursive: true });
  // In one step: an interruption leaves no half report.
  await writeFile(`${file}.new`, `${JSON.stringify({ options, report } satisfies KeptReport, null, 2)}\n`);
  await rename(`${file}.new`, file);
  return report;
}
