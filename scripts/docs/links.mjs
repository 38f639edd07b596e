// @ts-check
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { root } from "../repository.mjs";

const inlineLink = /\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g;
const linkDefinition = /^ {0,3}\[[^\]]+\]:\s+<?([^\s>]+)>?/gm;
const leadsElsewhere = /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i;

/**
 * The relative links of a page that lead to no file, or to no heading of it.
 *
 * @param {string} file
 * @param {string} text
 * @returns {string[]}
 */
export function findLinkProblems(file, text) {
  const prose = withoutCode(text);
  const targets = [...prose.matchAll(inlineLink), ...prose.matchAll(linkDefinition)].map((match) => String(match[1]));
  return targets.flatMap((target) => {
    if (leadsElsewhere.test(target)) return [];
    if (target.startsWith("/")) return [`${file}: the link ${target} is not relative`];
    const [path = "", anchor] = decodeURI(target).split("#");
    const linked = path === "" ? file : normalize(join(dirname(file), path));
    if (!existsSync(join(root, linked))) return [`${file}: the link ${target} leads nowhere`];
    if (anchor === undefined || !linked.endsWith(".md") || statSync(join(root, linked)).isDirectory()) return [];
    const page = path === "" ? text : readFileSync(join(root, linked), "utf8");
    return headingAnchors(page).has(anchor) ? [] : [`${file}: the link ${target} leads to no heading`];
  });
}

/** @param {string} text */
function withoutCode(text) {
  return text.replace(/^ *(`{3,}|~{3,})[\s\S]*?^ *\1.*$/gm, "").replace(/`[^`\n]*`/g, "");
}

/**
 * The anchors that GitHub makes of a page's headings.
 *
 * @param {string} text
 */
function headingAnchors(text) {
  const anchors = new Set([...text.matchAll(/<a (?:id|name)="([^"]+)"/g)].map((match) => String(match[1])));
  const body = text.replace(/^ *(`{3,}|~{3,})[\s\S]*?^ *\1.*$/gm, "");
  for (const [, heading = ""] of body.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const slug = heading
      .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, "")
      .replaceAll(" ", "-");
    let anchor = slug;
    for (let repeat = 1; anchors.has(anchor); repeat++) anchor = `${slug}-${repeat}`;
    anchors.add(anchor);
  }
  return anchors;
}
