import { parseArgs } from "node:util";
import { type BenchmarkReport, reachesAim } from "./benchmark-report.js";
import { type BenchmarkName, benchmarks } from "./benchmarks.js";
import { keptOr } from "./harness/kept-reports.js";
import { describeMachine } from "./harness/machine.js";
import { writeBenchmarksPage } from "./report/write-benchmarks-page.js";

/**
 * `npm run bench -- <name> [--events N] [--json] [--reports FOLDER]`: measures against the servers at DATABASE_URL and AMQP_URL.
 *
 * `all` runs every benchmark, and `full` every one at full length; both write docs/benchmarks.md. With `--reports` each report is
 * kept in that folder, and one that is there already is not measured again: a run that was interrupted goes on.
 */
const names = Object.keys(benchmarks) as BenchmarkName[];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { events: { type: "string" }, json: { type: "boolean", default: false }, reports: { type: "string" } },
});
const [wanted = ""] = positionals;
const isAll = wanted === "all" || wanted === "full";
const isFull = wanted === "full";
const chosen = isAll ? names : names.filter((name) => name === wanted);
const events = values.events === undefined ? undefined : Number(values.events);
if (
  chosen.length === 0 ||
  positionals.length !== 1 ||
  (events !== undefined && !(Number.isInteger(events) && events > 0))
) {
  console.error(
    `Usage: npm run bench -- <${[...names, "all", "full"].join("|")}> [--events N] [--json] [--reports FOLDER]`,
  );
  process.exit(1);
}

const machine = await describeMachine();
console.error(machine.join("\n"));
const reports: BenchmarkReport[] = [];
for (const name of chosen) {
  const { run, short, full } = benchmarks[name];
  const amount = isFull ? full : short;
  const options = { ...amount, events: events ?? amount.events, isFull };
  const report = await keptOr(values.reports, name, options, run);
  reports.push(report);
  if (!values.json || isAll) for (const line of linesOf(report)) console.error(line);
}
if (isAll) await writeBenchmarksPage({ reports, machine, isFull, events });
if (values.json) console.log(JSON.stringify(isAll ? merged(reports) : reports[0]));

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

function merged(all: readonly BenchmarkReport[]): BenchmarkReport {
  const cases = all.flatMap(({ name, cases: own }) => own.map((one) => ({ ...one, case: `${name}: ${one.case}` })));
  return { name: wanted, cases };
}
