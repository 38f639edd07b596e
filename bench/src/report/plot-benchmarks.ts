import type { BenchmarkCase, BenchmarkReport } from "../benchmark-report.js";

const width = 940;
const labelWidth = 400;
const barsWidth = 340;
const rowHeight = 24;
const top = 56;
const chartHeight = 200;
/** The vertical line: as fast as the hand-written loop. */
const ratioMax = 1.5;

/**
 * Draws, as SVG, each relay and inbox case's ratio to the hand-written loop, and the throughput of the run beside an open
 * transaction, interval by interval.
 */
export function plotBenchmarks(reports: readonly BenchmarkReport[]): string {
  const bars = reports
    .filter(({ name }) => ["relay", "inbox", "blocked-key", "held-xmin"].includes(name))
    .flatMap(({ name, cases }) => cases.filter(isRate).map((one) => ({ ...one, case: `${name}: ${one.case}` })));
  const series = reports.flatMap(({ cases }) => cases).find((one) => one.series !== undefined);
  const seriesTop = top + bars.length * rowHeight + 70;
  const height = series === undefined ? seriesTop : seriesTop + chartHeight + 40;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    "<title>omni-box beside a hand-written loop</title>",
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(16, 24, "Throughput relative to a hand-written loop (1 = as fast)", 'font-size="15" font-weight="bold"'),
    ...bars.map((one, row) => barOf(one, top + row * rowHeight)),
    ...[0.5, 1].map((at) => tickOf(at, top + bars.length * rowHeight)),
    ...(series === undefined ? [] : lineOf(series, seriesTop)),
    "</svg>",
    "",
  ].join("\n");
}

function isRate({ ratio, unit }: BenchmarkCase): boolean {
  return ratio !== undefined && unit.endsWith("/s");
}

function barOf({ case: name, value, unit, ratio = 0 }: BenchmarkCase, y: number): string {
  const length = (Math.min(ratio, ratioMax) / ratioMax) * barsWidth;
  return [
    text(labelWidth - 8, y + 15, name, 'text-anchor="end"'),
    `<rect x="${labelWidth}" y="${y + 3}" width="${length.toFixed(1)}" height="${rowHeight - 8}" fill="#2a78d6"/>`,
    text(
      labelWidth + length + 6,
      y + 15,
      `${ratio.toFixed(2)}   (${value.toLocaleString("en")} ${unit})`,
      'fill="#555555"',
    ),
  ].join("\n");
}

function tickOf(ratio: number, bottom: number): string {
  const x = labelWidth + (ratio / ratioMax) * barsWidth;
  return [
    `<line x1="${x}" y1="${top - 6}" x2="${x}" y2="${bottom + 4}" stroke="#999999" stroke-dasharray="3 3"/>`,
    text(x, bottom + 18, String(ratio), 'text-anchor="middle" fill="#555555"'),
  ].join("\n");
}

function lineOf({ case: name, series = [], unit }: BenchmarkCase, y: number): string[] {
  const highest = Math.max(...series, 1);
  const bottom = y + chartHeight;
  const left = 80;
  const right = width - 40;
  const x = (index: number) => left + ((right - left) * index) / Math.max(1, series.length - 1);
  const points = series.map(
    (value, index) => `${x(index).toFixed(1)},${(bottom - (value / highest) * (chartHeight - 40)).toFixed(1)}`,
  );
  return [
    text(16, y - 14, `held-xmin: ${name}, ${unit} by interval`, 'font-size="15" font-weight="bold"'),
    `<line x1="${left}" y1="${bottom}" x2="${right}" y2="${bottom}" stroke="#999999"/>`,
    text(left - 8, bottom - chartHeight + 44, highest.toLocaleString("en"), 'text-anchor="end" fill="#555555"'),
    text(left - 8, bottom + 4, "0", 'text-anchor="end" fill="#555555"'),
    `<polyline points="${points.join(" ")}" fill="none" stroke="#2a78d6" stroke-width="2"/>`,
  ];
}

function text(x: number, y: number, words: string, attributes: string): string {
  const escaped = words.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${attributes}>${escaped}</text>`;
}
