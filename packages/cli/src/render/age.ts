const units = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
] as const;

/** A duration in the unit that fits, such as `4 min`; below a second in milliseconds. */
export function renderDuration(ms: number): string {
  const size = Math.abs(ms);
  const [unit, length] = units.find(([, at]) => size >= at) ?? ["ms", 1];
  return `${Math.trunc(ms / length)} ${unit}`;
}

/** A time, to the second and in UTC; `-` for none. */
export function renderTime(time: Date | null): string {
  return time === null ? "-" : `${time.toISOString().slice(0, 19).replace("T", " ")}Z`;
}
