import { existsSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { BenchmarkReport } from "../benchmark-report.js";

/** The report that a folder keeps under this name, or else a new one, which is kept; without a folder always a new one. */
export async function keptOr(
  folder: string | undefined,
  name: string,
  measure: () => Promise<BenchmarkReport>,
): Promise<BenchmarkReport> {
  if (folder === undefined) return measure();
  const file = join(folder, `${name}.json`);
  if (existsSync(file)) return JSON.parse(await readFile(file, "utf8")) as BenchmarkReport;
  const report = await measure();
  await mkdir(folder, { recursive: true });
  // In one step: an interruption leaves no half report.
  await writeFile(`${file}.new`, `${JSON.stringify(report, null, 2)}\n`);
  await rename(`${file}.new`, file);
  return report;
}
