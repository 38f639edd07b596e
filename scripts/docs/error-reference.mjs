// @ts-check
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../repository.mjs";

const source = "packages/core/src/errors/error-codes.ts";
const page = "docs/error-reference.md";

/**
 * The error codes that the source and the reference do not agree on, and codes in other pages that do not exist.
 *
 * @param {string[]} files every page
 * @returns {string[]}
 */
export function findErrorReferenceProblems(files) {
  if (!existsSync(join(root, page))) return [`${page} does not exist`];
  const codes = find(source, /^\s*"([A-Z]+\.[A-Z_]+)":/gm);
  const explained = find(page, /^(?:#{2,6}\s+|\|\s*)`([A-Z]+\.[A-Z_]+)`/gm);
  if (codes.length === 0) return [`no error codes found in ${source}`];
  const namespaces = [...new Set(codes.map((code) => code.split(".")[0]))].join("|");
  const mentioned = new RegExp(`\`((?:${namespaces})\\.[A-Z_]+)\``, "g");

  return [
    ...codes.filter((code) => !explained.includes(code)).map((code) => `${page} does not explain ${code}`),
    ...explained
      .filter((code, index) => explained.indexOf(code) !== index)
      .map((code) => `${page} explains ${code} twice`),
    ...files.flatMap((file) =>
      [...new Set(find(file, mentioned))]
        .filter((code) => !codes.includes(code))
        .map((code) => `${file} names ${code}, which is not in ${source}`),
    ),
  ];
}

/**
 * @param {string} file
 * @param {RegExp} pattern
 */
function find(file, pattern) {
  return [...readFileSync(join(root, file), "utf8").matchAll(pattern)].map((match) => String(match[1]));
}
