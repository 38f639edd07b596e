import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BenchmarkReport } from "../benchmark-report.js";
import type { RunOptions } from "../run-options.js";
import { UsageError } from "./usage-error.js";

interface KeptReport {
  readonly options: RunOptions;
  readonly report: BenchmarkReport;
}

/**
 * The report that a folder keeps under this name, or else a new one, which is kept; without a folder always a new one.
 *
 * @throws {UsageError} before anything is measured: when the folder cannot be written, or when what it keeps was measured with other options
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
    throw new UsageError(
      `${file} was measured with ${JSON.stringify(kept.options)}: remove it, or name another folder`,
    );
  }
  const unfinished = `${file}.new`;
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(unfinished, "");
  } catch (error) {
    throw new UsageError(`${folder} cannot be written: ${error instanceof Error ? error.message : error}`);
  }
  const report = await measure(options);
  // In one step: an interruption leaves no half report.
  await writeFile(unfinished, `${JSON.stringify({ options, report } satisfies KeptReport, null, 2)}\n`);
  await rename(unfinished, file);
  return report;
}
