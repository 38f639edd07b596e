/** What was thrown or emitted, as an Error; anything else becomes one with the given message. */
export function asError(value: unknown, otherwise: string): Error {
  return value instanceof Error ? value : new Error(otherwise);
}
