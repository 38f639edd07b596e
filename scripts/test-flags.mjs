// @ts-check
import { parseArgs } from "node:util";

/** The steps of `npm test`, in their order. */
const stepNames = [
  "lint",
  "types",
  "docs",
  "unused",
  "packages",
  "unit",
  "conformance",
  "integration",
  "examples",
  "node-24",
];

/**
 * Reads the flags of `npm test`.
 *
 * @param {string[]} args
 * @returns {{ readonly problem: string } | { readonly problem?: undefined, readonly privateServices: boolean, readonly only: string[] | undefined }}
 *   `problem`: one line that says what is wrong with them
 */
export function readTestFlags(args) {
  const known = `Known: --private-services, --only <step,step>. Steps: ${stepNames.join(", ")}.`;
  try {
    const { values } = parseArgs({
      args,
      options: { "private-services": { type: "boolean", default: false }, only: { type: "string" } },
    });
    const only = values.only?.split(",");
    const unknown = only?.filter((name) => !stepNames.includes(name)) ?? [];
    if (unknown.length > 0) return { problem: `Unknown step ${unknown.join(", ")}. ${known}` };
    return { privateServices: values["private-services"], only };
  } catch (error) {
    // Some of these messages go on for several lines, with advice that does not fit here.
    const [firstLine = ""] = (error instanceof Error ? error.message : String(error)).split("\n");
    return { problem: `${firstLine.replace(/\.$/, "")}. ${known}` };
  }
}
