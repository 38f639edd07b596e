import { isUtf8 } from "node:buffer";

/** The last second of the year 9999; RabbitMQ's timestamps go far beyond what a date can be. */
const latestSeconds = 253_402_300_799;
const inexactFrom = Number.MAX_SAFE_INTEGER;
/** Doubles of this size and above were not sent as 64-bit integers. */
const longEnd = 2 ** 63;

/**
 * The text of an AMQP header's value as amqplib decodes it; `null` when it has none.
 *
 * Text, numbers, decimals, booleans, times (as ISO 8601) and bytes that are UTF-8 have one. Lists, tables and nothing have
 * none, nor has a number that amqplib could not keep exactly.
 */
export function headerText(value: unknown): string | null {
  switch (typeof value) {
    case "string":
      return value;
    case "boolean":
    case "bigint":
      return String(value);
    case "number":
      return isExact(value) ? String(value) : null;
    case "object":
      return value === null ? null : objectText(value);
    default:
      return null;
  }
}

/** A time in whole seconds since the Unix epoch as a date; `null` for what is none, or lies after the year 9999. */
export function secondsToDate(seconds: unknown): Date | null {
  if (typeof seconds !== "number" || !Number.isInteger(seconds) || seconds < 0 || seconds > latestSeconds) return null;
  return new Date(seconds * 1_000);
}

function isExact(value: number): boolean {
  if (!Number.isFinite(value)) return false;
  return !Number.isInteger(value) || Math.abs(value) <= inexactFrom || Math.abs(value) > longEnd;
}

function objectText(value: object): string | null {
  if (value instanceof Uint8Array) return isUtf8(value) ? Buffer.from(value).toString("utf8") : null;
  if (!Object.hasOwn(value, "!")) return null;
  // amqplib's way to tell decimals and times from numbers; a table of the sender's can look the same.
  const type: unknown = Reflect.get(value, "!");
  const inner: unknown = Reflect.get(value, "value");
  if (type === "timestamp") return secondsToDate(inner)?.toISOString() ?? null;
  if (type === "decimal" && typeof inner === "object" && inner !== null) return decimalText(inner);
  return null;
}

function decimalText(decimal: object): string | null {
  const places: unknown = Reflect.get(decimal, "places");
  const digits: unknown = Reflect.get(decimal, "digits");
  if (!isCount(places, 255) || !isCount(digits, 0xffff_ffff)) return null;
  const text = String(digits).padStart(places + 1, "0");
  return places === 0 ? text : `${text.slice(0, -places)}.${text.slice(-places)}`;
}

function isCount(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max;
}
