import { InvalidArgumentError } from "commander";

/** A parser of whole numbers from `min` to `max`, for an option or argument. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** The highest `seq` that a database has room for. */
const seqMax = 2n ** 63n - 1n;

/** Parses a `seq`. */
export function seqNumber(text: string): bigint {
  const seq = /^\d{1,19}$/.test(text) ? BigInt(text) : -1n;
  if (seq >= 0n && seq <= seqMax) return seq;
  throw new InvalidArgumentError("It must be the seq of an event, a whole number.");
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

/** Parses a duration such as `500ms`, `10s`, `5min`, `2h` or `7d` into milliseconds. */
export function duration(text: string): number {
  const [, count, unit = ""] = /^(\d{1,9})(ms|s|min|h|d)$/.exec(text) ?? [];
  const factor = unitMs[unit];
  if (count !== undefined && factor !== undefined) return Number(count) * factor;
  throw new InvalidArgumentError("It must be a duration such as 30s, 5min, 2h or 7d.");
}

/** A parser of durations for an option that is waited for: no timer of Node lasts longer than 24 days. */
export function waitingTime(minMs: number): (text: string) => number {
  return (text) => {
    const ms = duration(text);
    if (ms >= minMs && ms <= 24 * 86_400_000) return ms;
    throw new InvalidArgumentError(`It must be from ${minMs}ms to 24d.`);
  };
}

/** No database has times before it. */
const firstTimeMs = Date.parse("0001-01-01T00:00:00Z");

/** Parses a time: in ISO 8601, or a duration back from now on this machine's clock. */
export function time(text: string): Date {
  const ms = /^\d+[a-z]+$/.test(text) ? Date.now() - duration(text) : isoTimeMs(text);
  if (ms >= firstTimeMs) return new Date(ms);
  throw new InvalidArgumentError("It must be a time such as 2030-01-31T12:00:00Z, or how long ago it was, such as 2h.");
}

function isoTimeMs(text: string): number {
  return /^\d{4}-\d\d-\d\d(T.+)?$/.test(text) ? Date.parse(text) : Number.NaN;
}

/** Collects an option that may be given several times. */
export function several(text: string, earlier: readonly string[] | undefined): readonly string[] {
  if (text === "") throw new InvalidArgumentError("It must not be empty.");
  return [...(earlier ?? []), text];
}

/** Parses text that must have something in it. */
export function someText(maxLength: number): (text: string) => string {
  return (text) => {
    if (text.length >= 1 && text.length <= maxLength) return text;
    throw new InvalidArgumentError(`It must have 1 to ${maxLength} characters.`);
  };
}
