import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { type BenchmarkReport, reachesAim } from "./benchmark-report.js";
import { type BenchmarkName, benchmarks } from "./benchmarks.js";
import { keptOr } from "./harness/kept-reports.js";
import { describeMachine } from "./harness/machine.js";
import { describeOccasion } from "./harness/occasion.js";
import { UsageError } from "./harness/usage-error.js";
import { writeBenchmarksPage } from "./report/write-benchmarks-page.js";

/**
 * `npm run bench -- <name> [--events N] [--json] [--reports FOLDER]`: measures against the servers at DATABASE_URL and AMQP_URL.
 *
 * `all` runs every benchmark, and `full` every one at full length; both write docs/benchmarks.md. With `--reports` each report is
 * kept in that folder, and one that is there already is not measured again: a run that was interrupted goes on.
 */
const names = Object.keys(benchmarks) as BenchmarkName[];
const usage = `Usage: npm run bench -- <${[...names, "all", "full"].join("|")}> [--events N] [--json] [--reports FOLDER]`;

try {
  await main(readArguments());
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error);
  process.exitCode = 1;
}

/** @throws {UsageError} that says what is wrong, and how it is used */
function readArguments() {
  const wrong = (problem: string) => new UsageError(`${problem}\n${usage}`);
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse();
  } catch (error) {
    throw wrong(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  const [wanted = ""] = positionals;
  const isAll = wanted === "all" || wanted === "full";
  const chosen = isAll ? names : names.filter((name) => name === wanted);
  if (positionals.length !== 1 || chosen.length === 0) throw wrong("One benchmark is to be named.");
  const events = values.events === undefined ? undefined : Number(values.events);
  if (events !== undefined && !(Number.isInteger(events) && events > 0))
    throw wrong(`--events must be a whole number from 1 on, not ${values.events}.`);
  // Of the caller, not of the package that this runs in.
  const from = process.env.INIT_CWD ?? ".";
  const reports = values.reports === undefined ? undefined : resolve(from, values.reports);
  return { wanted, isAll, chosen, events, reports, json: values.json };
}

function parse() {
  return parseArgs({
    allowPositionals: true,
    options: { events: { type: "string" }, json: { type: "boolean", default: false }, reports: { type: "string" } },
  });
}

async function main({ wanted, isAll, chosen, events, reports: folder, json }: ReturnType<typeof readArguments>) {
  const isFull = wanted === "full";
  const machine = await describeMachine();
  console.error(machine.join("\n"));
  const reports: BenchmarkReport[] = [];
  for (const name of chosen) {
    const { run, short, full } = benchmarks[name];
    const amount = isFull ? full : short;
    const options = { ...amount, events: events ?? amount.events, isFull };
    const report = await keptOr(folder, name, options, async () => {
      const occasion = describeOccasion();
      return { ...(await run(options)), occasion };
    });
    reports.push(report);
    if (!json || isAll) for (const line of linesOf(report)) console.error(line);
  }
  if (isAll) await writeBenchmarksPage({ reports, machine, isFull, events });
  if (json) console.log(JSON.stringify(isAll ? merged(wanted, reports) : reports[0]));
}

function linesOf(report: BenchmarkReport): string[] {
  return report.cases.map((measured) => {
    const { case: name, value, unit, spread, handWritten, ratio, peers = {}, aim } = measured;
    let line = `${report.name}: ${name}: ${value} ${unit}`.trimEnd();
    if (spread !== undefined) line += ` (${spread.join(" to ")})`;
    if (handWritten !== undefined) line += `, hand-written ${handWritten}`;
    if (ratio !== undefined) line += `, ratio ${ratio}`;
    for (const [peer, peerValue] of Object.entries(peers)) line += `, ${peer} ${peerValue}`;
    if (aim !== undefined) line += reachesAim(measured) ? ", aim reached" : ", AIM MISSED";
    return line;
  });
}

function merged(name: string, all: readonly BenchmarkReport[]): BenchmarkReport {
  const cases = all.flatMap((part) => part.cases.map((one) => ({ ...one, case: `${part.name}: ${one.case}` })));
  return { name, cases };
}
