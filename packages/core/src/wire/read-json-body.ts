import type { ConsumedMessage } from "../protocols/event-consumer.js";
import { undecodable } from "./undecodable.js";

const utf8 = new TextDecoder("utf-8", { fatal: true });
const plainEncodings: ReadonlySet<string> = new Set(["", "identity", "utf-8", "utf8"]);

/**
 * The JSON that a message's body holds: UTF-8, not compressed, of a JSON content type or of none. For parsers.
 *
 * @throws {OmniBoxError} MESSAGE.UNDECODABLE when it is anything else.
 */
export function readJsonBody(message: ConsumedMessage): unknown {
  const { contentType } = message;
  if (contentType !== null && contentType !== "" && !isJsonType(contentType)) {
    throw undecodable("its content type is not JSON");
  }
  if (!plainEncodings.has(message.contentEncoding?.toLowerCase() ?? "")) {
    throw undecodable(
      "its content encoding is not supported; only bodies that are not compressed, in UTF-8, can be read",
    );
  }
  return parseJson(message.body);
}

/**
 * Reads bytes as JSON in UTF-8.
 *
 * @throws {OmniBoxError} MESSAGE.UNDECODABLE when they are not.
 */
export function parseJson(bytes: Uint8Array): unknown {
  const text = decode(bytes);
  try {
    return JSON.parse(text);
  } catch {
    // Not the parser's own words: they quote the text.
    throw undecodable("its body is not valid JSON");
  }
}

/** Whether a media type is JSON: its subtype is `json` or ends with `+json`, whatever its parameters. */
export function isJsonType(contentType: string): boolean {
  return contentType === "application/json" || /^[^\s/;]+\/(?:[^\s/;]+\+)?json\s*(?:;|$)/i.test(contentType);
}

function decode(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw undecodable("its body is not valid UTF-8");
  }
}
