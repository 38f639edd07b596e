import { expect, it } from "vitest";
import { compareSourceBlocks } from "./source-blocks.mjs";

const marker = "<!-- source: scripts/docs/fixtures/greeting.ts#greet -->";
const current = `${marker}\n\`\`\`ts\nconst name = "Ada";\nif (name) {\n  console.log(name);\n}\n\`\`\`\n`;

it("accepts a block that equals its region without the common indentation", () => {
  expect(compareSourceBlocks("page.md", current)).toEqual({ problems: [], updated: current });
});

it("names a block that differs and gives the page brought up to date", () => {
  const { problems, updated } = compareSourceBlocks("page.md", current.replace("Ada", "Bob"));
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain("differs from scripts/docs/fixtures/greeting.ts#greet");
  expect(updated).toBe(current);
});

it("fills an empty block", () => {
  expect(compareSourceBlocks("page.md", `${marker}\n\`\`\`ts\n\`\`\`\n`).updated).toBe(current);
});

it("names a region or a file that does not exist", () => {
  expect(compareSourceBlocks("page.md", current.replace("#greet", "#none")).problems[0]).toContain("#region none");
  expect(compareSourceBlocks("page.md", current.replace("greeting.ts", "none.ts")).problems[0]).toContain(
    "does not exist",
  );
});

it("names a marker that stands before no code block", () => {
  expect(compareSourceBlocks("page.md", `${marker}\n\nText.\n`).problems).toEqual([
    "page.md: 1 source markers stand before no code block",
  ]);
});

it("names TypeScript in a README that comes from no file", () => {
  expect(compareSourceBlocks("packages/x/README.md", "```ts\nconst a = 1;\n```\n").problems).toHaveLength(1);
  expect(compareSourceBlocks("packages/x/README.md", current).problems).toEqual([]);
});

it("leaves Markdown that is shown as Markdown alone", () => {
  const page = `\`\`\`\`md\n${current.replace("Ada", "Bob")}\`\`\`\`\n`;
  expect(compareSourceBlocks("README.md", page)).toEqual({ problems: [], updated: page });
});
