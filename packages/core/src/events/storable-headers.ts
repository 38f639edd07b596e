import { limits } from "../defaults.js";
import { textProblem } from "./text-field.js";

/**
 * A frozen copy of those headers that can be stored, in their order, as many as fit into `limits`.
 *
 * The others are dropped instead of making the message undecodable: brokers and bridges add headers of their own
 * (`x-death` …), and nobody checked a foreign sender's. Headers that an omni-box sender set are always within the limits.
 */
export function storableHeaders(headers: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  let count = 0;
  let bytes = 0;
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (!isName(name) || !isValue(value)) continue;
    const size = Buffer.byteLength(name) + Buffer.byteLength(value);
    if (bytes + size > limits.headersMaxBytes) continue;
    kept[name] = value;
    count += 1;
    bytes += size;
    if (count === limits.headersMaxCount) break;
  }
  return Object.freeze(kept);
}

function isName(name: string): boolean {
  return name !== "__proto__" && textProblem(name, limits.headerKeyMaxLength) === null;
}

function isValue(value: unknown): value is string {
  return value === "" || (typeof value === "string" && textProblem(value, limits.headerValueMaxLength) === null);
}
