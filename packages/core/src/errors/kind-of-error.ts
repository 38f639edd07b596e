import { isNativeError } from "node:util/types";

/**
 * Says in words what kind of error application code threw, as `a TypeError`, where its message may hold data.
 *
 * Never throws itself, whatever was thrown.
 */
export function kindOfError(thrown: unknown): string {
  try {
    if (!isNativeError(thrown) && !(thrown instanceof Error)) return "something that is no Error";
    const { name } = thrown;
    // A name that is no class name may be data itself.
    if (typeof name !== "string" || !/^[A-Z][A-Za-z]{0,39}$/.test(name)) return "an error";
    return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
  } catch {
    // A revoked proxy, or a getter that throws.
    return "something that cannot be read";
  }
}
