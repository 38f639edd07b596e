/** Makes the error for what takes more bytes than allowed: so many, or more. */
type TooLarge = (bytes: number) => Error;

/** Writes a value as a JSON parameter, and refuses what PostgreSQL could not take. */
export function checkedJson(value: unknown, limit: number, tooLarge: TooLarge): string {
  const json = JSON.stringify(value);
  assertFits(json, limit, tooLarge);
  return json;
}

/**
 * Writes rows as one JSON parameter, and refuses what PostgreSQL could not take before it uses up the memory.
 *
 * @param tooLarge - makes the error for rows that take more than `limit` bytes
 */
export function rowsJson(rows: readonly object[], limit: number, tooLarge: TooLarge): string {
  let length = 0;
  const texts = rows.map((row) => {
    const text = JSON.stringify(row);
    length += text.length + 1;
    // No UTF-16 unit takes less than a byte, so there is nothing to count any more.
    if (length > limit) throw tooLarge(length);
    return text;
  });
  const json = `[${texts.join(",")}]`;
  assertFits(json, limit, tooLarge);
  return json;
}

function assertFits(json: string, limit: number, tooLarge: TooLarge): void {
  // A unit takes at most three bytes, so most texts need not be counted.
  const bytes = json.length * 3 > limit ? Buffer.byteLength(json) : 0;
  if (bytes > limit) throw tooLarge(bytes);
}
