// @ts-check
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../repository.mjs";

const sourceBlock = /(<!-- source: (\S+?)(?:#(\S+))? -->\n+)(```[^\n]*\n)([\s\S]*?)(\n?```)/g;
/** A fence of four or more shows Markdown itself. */
const shownMarkdown = /^(`{4,})[\s\S]*?^\1$/gm;

/**
 * Compares each code block that follows `<!-- source: path#region -->` with that region of that file, which stands
 * between `// #region name` and `// #endregion name`; without a region, with the whole file.
 *
 * @param {string} file
 * @param {string} text
 * @returns {{ problems: string[], updated: string }}
 */
export function compareSourceBlocks(file, text) {
  /** @type {string[]} */
  const problems = [];
  const shown = [...text.matchAll(shownMarkdown)].map(({ index, 0: { length } }) => ({
    from: index,
    to: index + length,
  }));
  const real = text.replace(shownMarkdown, "");

  const updated = text.replace(sourceBlock, (block, marker, path, region, opening, code, closing, offset) => {
    if (shown.some(({ from, to }) => offset >= from && offset < to)) return block;
    const name = region === undefined ? path : `${path}#${region}`;
    const source = readSource(path, region);
    if (typeof source !== "string") {
      problems.push(`${file}: ${source.problem}`);
      return block;
    }
    if (code.trimEnd() === source) return block;
    problems.push(`${file}: a code block differs from ${name} (npm run check:docs -- --write brings it up to date)`);
    return `${marker}${opening}${source}${closing.startsWith("\n") ? closing : `\n${closing}`}`;
  });

  const markers = real.match(/<!-- source:/g)?.length ?? 0;
  const blocks = real.match(sourceBlock)?.length ?? 0;
  if (markers !== blocks) problems.push(`${file}: ${markers - blocks} source markers stand before no code block`);
  if (file.endsWith("README.md")) problems.push(...findUnmarked(file, real));
  return { problems, updated };
}

/**
 * TypeScript in a README is what people copy, so all of it has to come from a file that is compiled.
 *
 * @param {string} file
 * @param {string} text
 */
function findUnmarked(file, text) {
  const unmarked = text.replace(sourceBlock, "").match(/^```(?:ts|tsx|typescript)\b/gm)?.length ?? 0;
  return unmarked === 0 ? [] : [`${file}: ${unmarked} TypeScript blocks have no <!-- source: path#region --> marker`];
}

/**
 * @param {string} path
 * @param {string | undefined} region
 * @returns {string | { problem: string }}
 */
function readSource(path, region) {
  if (!existsSync(join(root, path))) return { problem: `the source ${path} does not exist` };
  const lines = readFileSync(join(root, path), "utf8").trimEnd().split("\n");
  if (region === undefined) return withoutIndentation(lines.filter((line) => !isMarker(line)));
  const start = lines.findIndex((line) => marks(line, "#region", region));
  const length = lines.slice(start + 1).findIndex((line) => marks(line, "#endregion", region));
  if (start < 0 || length < 0) return { problem: `${path} has no "// #region ${region}" … "// #endregion ${region}"` };
  return withoutIndentation(lines.slice(start + 1, start + 1 + length).filter((line) => !isMarker(line)));
}

/** @param {string} line */
function isMarker(line) {
  return /^\s*(?:\/\/|#|--|<!--)\s*#(?:end)?region\b/.test(line);
}

/**
 * @param {string} line
 * @param {string} kind
 * @param {string} region
 */
function marks(line, kind, region) {
  return (
    isMarker(line) &&
    line
      .replace(/-->\s*$/, "")
      .trimEnd()
      .endsWith(`${kind} ${region}`)
  );
}

/** @param {string[]} lines */
function withoutIndentation(lines) {
  const indentations = lines.filter((line) => line.trim() !== "").map((line) => /^ */.exec(line)?.[0].length ?? 0);
  const common = indentations.length === 0 ? 0 : Math.min(...indentations);
  return lines
    .map((line) => line.slice(common))
    .join("\n")
    .trim();
}
