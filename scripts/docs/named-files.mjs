// @ts-check
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "../repository.mjs";

const ignored = new Set(["node_modules", "dist", "generated", ".git", ".turbo"]);
const codeBlock = /^ *(`{3,}|~{3,})[\s\S]*?^ *\1.*$/gm;
/** A name or the end of a path, in which `*` stands for anything but a slash. */
const fileName = /`([\w@./*-]*[\w*](?:\.(?:ts|mjs|sql)|-\*))`/g;

/**
 * The source files that a page under docs/ names in its text, a table of a decision record for example, and that are not there.
 *
 * @param {string} page
 * @param {string} text
 * @returns {string[]}
 */
export function findNamedFileProblems(page, text) {
  if (!page.startsWith("docs/")) return [];
  const names = [...text.replace(codeBlock, "").matchAll(fileName)].map((match) => String(match[1]));
  return [...new Set(names)]
    .filter((name) => !sourceFiles().some((file) => endsWith(file, name)))
    .map((name) => `${page}: there is no file ${name}`);
}

/**
 * @param {string} file
 * @param {string} name
 */
function endsWith(file, name) {
  const pattern = name.replace(/[.+^$()[\]{}|\\]/g, "\\$&").replaceAll("*", "[^/]*");
  return new RegExp(`(?:^|/)${pattern}$`).test(file);
}

/** @type {string[] | undefined} */
let found;

function sourceFiles() {
  found ??= filesIn("");
  return found;
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function filesIn(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .filter((entry) => !ignored.has(entry.name))
    .flatMap((entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? filesIn(path) : [path];
    });
}
