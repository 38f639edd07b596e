import type { Terminal } from "../terminal/terminal.js";
import { toJson } from "./to-json.js";

/** Writes what a command has to say: the document as one line of JSON, or the text for people. */
export function writeResult(
  terminal: Terminal,
  { json }: { readonly json?: boolean | undefined },
  document: unknown,
  text: () => string,
): void {
  terminal.write(json === true ? `${toJson(document)}\n` : text());
}
