import { writeFile } from "node:fs/promises";
import type { Aim, BenchmarkCase, BenchmarkReport } from "../benchmark-report.js";
import { reachesAim } from "../benchmark-report.js";
import { plotBenchmarks } from "./plot-benchmarks.js";

/** What the page is made of. */
export interface BenchmarksPage {
  readonly reports: readonly BenchmarkReport[];
  /** The machine and the servers, a line for each. */
  readonly machine: readonly string[];
  readonly isFull: boolean;
  /** What `--events` said. */
  readonly events: number | undefined;
}

const docs = new URL("../../../../docs/", import.meta.url);

/** Writes docs/benchmarks.md and its plot. */
export async function writeBenchmarksPage({ reports, machine, isFull, events }: BenchmarksPage): Promise<void> {
  const day = new Date().toISOString().slice(0, 10);
  const command = `${isFull ? "full" : "all"}${events === undefined ? "" : ` --events ${events}`}`;
  const introduction = [
    "# Benchmarks",
    `Written by \`npm run bench -- ${command}\` on ${day}. Do not edit: the next such run writes it anew.`,
    isFull
      ? ""
      : "This was a short run: small tables, few and short rounds. `npm run bench -- full` takes over an hour and says more.",
    machine.map((line) => `- ${line}`).join("\n"),
    `Each value is the median of rounds that took turns with a loop written by hand for the same work, in
[\`bench/hand-written\`](../bench/hand-written): drivers alone, no library, none of the checks, fences, retries and
recoveries, and as fast as we could make it. "Ratio" is the median of the rounds' own ratios of the first column to the
second, which need not be that of the two medians. RabbitMQ's queues are quorum queues, messages are persistent, and nothing counts before the broker has confirmed it.
Every run counts what arrived: one lost event, or one out of order where order is promised, fails it.`,
    "Where the time goes in what misses its aim, and what was tried: [record 0023](decisions/0023-numbers-that-are-not-reached.md).",
    "![The ratio to the hand-written loop, and the throughput beside an open transaction](benchmarks.svg)",
  ];
  const sections = reports.map(sectionOf);
  const text = [...introduction, ...sections].filter((part) => part !== "").join("\n\n");
  await writeFile(new URL("benchmarks.md", docs), `${text}\n`);
  await writeFile(new URL("benchmarks.svg", docs), plotBenchmarks(reports));
}

function sectionOf({ name, method = "", occasion = "", cases }: BenchmarkReport): string {
  const peers = [...new Set(cases.flatMap((one) => Object.keys(one.peers ?? {})))];
  const titles = ["case", "omni-box", "lowest to highest", "hand-written", "ratio", ...peers, "aim"];
  const rows = cases.map((one) => [
    one.case,
    `${shown(one.value)} ${one.unit}`.trim(),
    one.spread === undefined ? "" : one.spread.map(shown).join(" to "),
    shown(one.handWritten),
    one.ratio === undefined ? "" : one.ratio.toFixed(2),
    ...peers.map((peer) => shown(one.peers?.[peer])),
    aimOf(one),
  ]);
  const widths = titles.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const table = [line(titles), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
  return [`## ${name}`, method, occasion, table].filter((part) => part !== "").join("\n\n");
}

function aimOf(measured: BenchmarkCase): string {
  if (measured.aim === undefined) return "";
  return `${wordsOf(measured.aim, measured.unit)}: ${reachesAim(measured) ? "reached" : "**missed**"}`;
}

function wordsOf({ of, atLeast, atMost }: Aim, unit: string): string {
  const bound = atLeast === undefined ? `at most ${shown(atMost)}` : `at least ${shown(atLeast)}`;
  return of === "ratio" ? `ratio ${bound}` : `${bound} ${unit}`.trim();
}

function shown(value: number | undefined): string {
  return value === undefined ? "" : value.toLocaleString("en");
}
