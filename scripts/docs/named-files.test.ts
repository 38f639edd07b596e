import { expect, it } from "vitest";
import { findNamedFileProblems } from "./named-files.mjs";

it("accepts names and ends of paths of files that are there, and patterns that some file fits", () => {
  const text =
    "`named-files.mjs`, `scripts/docs/links.mjs`, `named-*.test.ts`, `scripts/docs/named-*`, `outbox.add`, `ts`";
  expect(findNamedFileProblems("docs/page.md", text)).toEqual([]);
});

it("names each file once that is not there", () => {
  expect(findNamedFileProblems("docs/page.md", "`no-such-file.ts` and `no-such-file.ts`, `docs/named-*.sql`")).toEqual([
    "docs/page.md: there is no file no-such-file.ts",
    "docs/page.md: there is no file docs/named-*.sql",
  ]);
});

it("leaves blocks of code alone, and pages that are not documentation", () => {
  expect(findNamedFileProblems("docs/page.md", "```sh\nnode `no-such-file.mjs`\n```\n")).toEqual([]);
  expect(findNamedFileProblems("README.md", "`your-file.ts`")).toEqual([]);
});
