import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCliProcess } from "./run-cli-process.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-box-config-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the configuration file", () => {
  it.each([
    ["is missing", undefined, 2, "there is no omni-box.config.ts, .mts, .js or .mjs here"],
    ["exports nothing by default", "export const relay = 1;", 1, "has no default export"],
    ["has options that do not exist", "export default { relais: 1 };", 1, '1 problem: unknown option "relais"'],
    ["has a relay that is none", "export default { relay: () => ({}) };", 1, "is no relay: return createOutboxRelay"],
    ["makes no relay", "export default {};", 1, "makes no relay"],
    ["has a mistake", "export default {", 1, "cannot be loaded: "],
    [
      "throws a credential",
      'throw new Error("postgresql://a:s3cret@b is bad");',
      1,
      "cannot be loaded: postgresql://***@b is bad",
    ],
  ])("that %s is said in one line", async (_name, text, expected, message) => {
    if (text !== undefined) await writeFile(join(folder, "omni-box.config.mjs"), text);
    const { exitCode, stdout, stderr } = await runCliProcess(["relay", "--no-http"], { cwd: folder });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^omni-box: [^\n]+\n$/);
    expect(stdout).toBe("");
    expect(exitCode).toBe(expected);
  });

  it("in TypeScript is run by a Node that can, and else it says what to do", async () => {
    await writeFile(join(folder, "omni-box.config.ts"), "const nothing: object = {};\nexport default nothing;\n");
    const { exitCode, stderr } = await runCliProcess(["relay"], { cwd: folder });
    const canRun =
      Reflect.get(process.features, "typescript") !== undefined &&
      Reflect.get(process.features, "typescript") !== false;
    expect(stderr).toContain(canRun ? "makes no relay" : "use Node 22.18 or later, or compile it");
    expect(exitCode).toBe(1);
  });

  it("named by --config has to exist", async () => {
    const { exitCode, stderr } = await runCliProcess(["relay", "--config", "other.mjs"], { cwd: folder });
    expect(stderr).toContain("the configuration file other.mjs does not exist");
    expect(exitCode).toBe(2);
  });
});
