import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { findConsoleBlocks, splitWords, withOutputs } from "./documentation/console-blocks.js";
import { createLikeness } from "./documentation/likeness.js";
import { openScenes } from "./documentation/open-scenes.js";
import { runCliHere } from "./run-cli-here.js";
import { startCli } from "./run-cli-process.js";

/**
 * Runs what the pages show and compares it with what they say; ids, times, durations and names of databases may differ. With
 * OMNI_BOX_UPDATE_DOCS=1 the pages get what was printed.
 */
const isUpdating = process.env.OMNI_BOX_UPDATE_DOCS === "1";
const pageOf = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

describe.each(["docs/cli.md", "packages/cli/README.md"])("%s", async (path) => {
  const text = await readFile(pageOf(path), "utf8");
  const blocks = findConsoleBlocks(text);
  const scenes = openScenes();
  const likeness = createLikeness();
  const printed: string[][] = [];
  afterAll(async () => {
    await scenes.close();
    if (isUpdating) await writeFile(pageOf(path), withOutputs(text, printed));
  });

  it("has blocks to run", () => expect(blocks.length).toBeGreaterThan(0));

  it.each(blocks.map((block) => [block.commands[0]?.line ?? "", block] as const))("%s", async (_line, block) => {
    const { env, cwd, databaseName } = await scenes.enter(block.scene);
    const outputs: string[] = [];
    let lastExitCode: number | null = 0;
    for (const { line, output } of block.commands) {
      if (line === "echo $?") {
        outputs.push(`${lastExitCode}`);
        if (!isUpdating) expect(`${lastExitCode}`).toBe(output);
        lastExitCode = 0;
        continue;
      }
      expect(lastExitCode, "a command that does not end with 0 is followed by echo $?").toBe(0);
      const [, , ...args] = splitWords(line);
      const run = startCli(args.map(likeness.realId), { env, cwd });
      lastExitCode = (await run.ended).exitCode;
      const actual = run.output().trimEnd();
      outputs.push(likeness.toDocument(actual, databaseName, args.includes("--json")));
      if (!isUpdating) likeness.expectAlike(actual, output, databaseName);
    }
    printed.push(outputs);
  });
});

describe("docs/cli.md", () => {
  const commands = [
    ["init"],
    ["migrate"],
    ["migrate", "status"],
    ["status"],
    ...["list", "show", "requeue", "skip", "purge"].map((name) => ["events", name]),
    ["keys", "list"],
    ["keys", "release"],
    ["doctor"],
    ["relay"],
  ];

  it.each(commands)("names every option of %s %s", async (...path) => {
    const page = await readFile(pageOf("docs/cli.md"), "utf8");
    const { stdout } = await runCliHere([...path, "--help"]);
    const options = [...stdout.matchAll(/^ +(?:-\w, )?(--[a-z-]+(?: <[a-z]+>)?)/gm)].map(([, option]) => option);
    expect(options.length).toBeGreaterThan(1);
    for (const option of options) if (option !== "--help") expect(page).toContain(`\`${option}\``);
  });
});
