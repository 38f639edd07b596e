// @ts-check
import "./require-node.mjs";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findErrorReferenceProblems } from "./docs/error-reference.mjs";
import { findLinkProblems } from "./docs/links.mjs";
import { markdownFiles } from "./docs/markdown-files.mjs";
import { findNamedFileProblems } from "./docs/named-files.mjs";
import { compareSourceBlocks } from "./docs/source-blocks.mjs";
import { root } from "./repository.mjs";

/**
 * `npm run check:docs`: links resolve, files that are named exist, docs/error-reference.md and the source name the same codes, and a code block that
 * is marked as coming from a file equals it. With `--write`, such blocks are brought up to date.
 */
const write = process.argv.includes("--write");
const files = markdownFiles();
const problems = [];

for (const file of files) {
  const text = readFileSync(join(root, file), "utf8");
  problems.push(...findLinkProblems(file, text), ...findNamedFileProblems(file, text));
  const blocks = compareSourceBlocks(file, text);
  if (write && blocks.updated !== text) writeFileSync(join(root, file), blocks.updated);
  else problems.push(...blocks.problems);
}
problems.push(...findErrorReferenceProblems(files));

for (const problem of problems) console.error(problem);
console.log(`${files.length} pages, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
