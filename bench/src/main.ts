import { parseArgs } from "node:util";
import type { BenchmarkReport } from "./benchmark-report.js";
import { benchRelay } from "./relay.js";

/** `npm run bench -- <name> [--events N] [--json]`: measures against the servers at DATABASE_URL and AMQP_URL. */
const benchmarks: Readonly<Record<string, (events: number) => Promise<BenchmarkReport>>> = { relay: benchRelay };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { events: { type: "string", default: "50000" }, json: { type: "boolean", default: false } },
});
const events = Number(values.events);
const run = benchmarks[positionals[0] ?? ""];
if (run === undefined || positionals.length !== 1 || !Number.isInteger(events) || events < 1) {
  console.error(`Usage: npm run bench -- <${Object.keys(benchmarks).join("|")}> [--events N] [--json]`);
  process.exit(1);
}
const report = await run(events);
if (values.json) console.log(JSON.stringify(report));
else for (const { case: name, value, unit } of report.cases) console.log(`${report.name} ${name}: ${value} ${unit}`);
