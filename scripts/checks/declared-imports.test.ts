import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { findUndeclaredImports } from "./declared-imports.mjs";

function packageWith(dependencies: Record<string, string>, code: string): string {
  const folder = mkdtempSync(join(tmpdir(), "omni-box-package-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "dist/deep"), { recursive: true });
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "@a/b", peerDependencies: dependencies }));
  writeFileSync(join(folder, "dist/deep/index.js"), code);
  return folder;
}

const code = `/** import x from "not-code"; */
import { z } from "zod";
export { y } from "@scope/name/path";
import "node:fs";
import own from "@a/b";
import relative from "./x.js";
const lazy = await import("lazy");
`;

it("accepts what the manifest declares, the package itself, Node's own modules and relative files", () => {
  expect(findUndeclaredImports(packageWith({ zod: "4", "@scope/name": "1", lazy: "1" }, code))).toEqual([]);
});

it("names each package that is imported and not declared", () => {
  expect(findUndeclaredImports(packageWith({ zod: "4" }, code))).toEqual([
    "@a/b imports @scope/name undeclared",
    "@a/b imports lazy undeclared",
  ]);
});
