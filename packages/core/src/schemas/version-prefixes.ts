/** A version and its beginnings by dot-separated parts, the longest first: 1.2.3, 1.2, 1. */
export function versionPrefixes(version: string): readonly string[] {
  const parts = version.split(".");
  return parts.map((_, index) => parts.slice(0, parts.length - index).join("."));
}

/** The value that is kept for the longest beginning of a version. */
export function byLongestPrefix<Value>(
  values: Pick<ReadonlyMap<string, Value>, "has" | "get">,
  version: string,
): Value | undefined {
  const prefix = versionPrefixes(version).find((candidate) => values.has(candidate));
  return prefix === undefined ? undefined : values.get(prefix);
}
