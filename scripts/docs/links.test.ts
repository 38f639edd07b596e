import { expect, it } from "vitest";
import { findLinkProblems } from "./links.mjs";

it("accepts links to files, folders, headings and other sites", () => {
  const text = `
[a file](CONTRIBUTING.md), [a folder](packages/core), [a heading](CONTRIBUTING.md#working-on-one-package),
[here](#own-heading), [elsewhere](https://example.org/x), [defined][1]

[1]: package.json

## Own heading
`;
  expect(findLinkProblems("CONTRIBUTING.md", text)).toEqual([]);
});

it("names a link to a file that does not exist", () => {
  expect(findLinkProblems("docs/page.md", "[x](../missing.md)")).toEqual([
    "docs/page.md: the link ../missing.md leads nowhere",
  ]);
});

it("names a link to a heading that does not exist", () => {
  expect(findLinkProblems("page.md", "[x](CONTRIBUTING.md#missing)")).toEqual([
    "page.md: the link CONTRIBUTING.md#missing leads to no heading",
  ]);
});

it("takes nothing in code for a link", () => {
  expect(findLinkProblems("page.md", "`a[0](b)`\n\n```ts\nhandlers[0](missing)\n```\n")).toEqual([]);
});
