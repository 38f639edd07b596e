/**
 * A document as JSON: `bigint` as a string of digits, times in ISO 8601, bytes in base64. No character in it moves a terminal's cursor.
 *
 * @param indentation - spaces; 0, the default: all on one line
 */
export function toJson(document: unknown, indentation = 0): string {
  const json = JSON.stringify(
    document,
    (_key, value: unknown) => {
      if (typeof value === "bigint") return value.toString();
      if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
      return value;
    },
    indentation,
  );
  // JSON escapes the lower control characters only.
  return json.replaceAll(/[\u007f-\u009f]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
}
