import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCliHere } from "./run-cli-here.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "omni-box-init-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const run = (...args: string[]) => runCliHere(["init", ...args], { cwd: folder });
const put = async (path: string, text: string) => {
  await mkdir(join(folder, path, ".."), { recursive: true });
  await writeFile(join(folder, path), text);
};
const read = (path: string) => readFile(join(folder, path), "utf8");
/** All files with their texts. */
async function everything(): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(await Promise.all(files.map(async (path) => [path, await readFile(path, "utf8")])));
}

const schema = 'datasource db {\n  provider = "postgresql"\n}\n\nmodel Order {\n  id Int @id\n}\n';
const config = 'import { defineConfig } from "prisma/config";\nexport default defineConfig({ schema: "prisma" });\n';

describe("omni-box init", () => {
  it("adds the models to the only schema file, and the migrations beside it", async () => {
    await put("prisma/schema.prisma", schema);
    const { stdout, exitCode } = await run();
    expect(exitCode).toBe(0);
    expect(stdout).toContain("added to prisma/schema.prisma: OutboxEvent, InboxEvent");
    expect(stdout).toContain("next: npx prisma generate, then npx prisma migrate deploy");
    expect((await read("prisma/schema.prisma")).startsWith(`${schema}\n/// An event that is to be published.`)).toBe(
      true,
    );
    const migrations = await readdir(join(folder, "prisma/migrations"));
    expect(migrations.map((name) => name.replace(/^\d{14}_/, "")).slice(0, 2)).toEqual([
      "omni_box_init",
      "omni_box_inbox",
    ]);
    expect(migrations).toEqual([...migrations].sort());
  });

  it("takes the schema by an absolute path too", async () => {
    await put("db/main.prisma", schema);
    const { stdout, exitCode } = await run("--prisma-schema", join(folder, "db/main.prisma"));
    expect(stdout).toContain("added to db/main.prisma: OutboxEvent");
    expect(exitCode).toBe(0);
  });

  it("adds a schema file of its own where Prisma reads a folder, and uses the folder of migrations that is configured", async () => {
    await put("prisma.config.ts", 'export default { schema: "db/schema", migrations: { path: "db/changes" } };\n');
    await put("db/schema/main.prisma", schema);
    expect((await run()).exitCode).toBe(0);
    expect(await read("db/schema/main.prisma")).toBe(schema);
    expect(await read("db/schema/omni-box.prisma")).toContain("model OutboxEvent {");
    expect((await readdir(join(folder, "db/changes"))).length).toBeGreaterThan(4);
  });

  it("writes nothing with --dry-run, and nothing more the second time", async () => {
    await put("prisma.config.ts", config);
    await put("prisma/schema.prisma", schema);
    const untouched = await everything();
    expect((await run("--dry-run")).stdout).toContain("would add to prisma/omni-box.prisma: OutboxEvent");
    expect(await everything()).toEqual(untouched);

    await run();
    const once = await everything();
    expect((await run()).stdout).toBe("nothing to do: models and migrations are there\n");
    expect(await everything()).toEqual(once);
  });

  it("leaves what the user changed as it is, and says so", async () => {
    await put("prisma.config.ts", config);
    await put("prisma/schema.prisma", schema);
    await run();
    const [migration = ""] = await readdir(join(folder, "prisma/migrations"));
    await put(`prisma/migrations/${migration}/migration.sql`, "-- mine\n");
    const models = (await read("prisma/omni-box.prisma")).replace('@@map("outbox_event")', '@@map("my_events")');
    await put("prisma/omni-box.prisma", models);
    const changed = await everything();

    const { stdout, exitCode } = await run();
    expect(exitCode).toBe(0);
    expect(stdout).toContain(
      'left OutboxEvent in prisma/omni-box.prisma as you changed it; this version has: @@map("outbox_event")',
    );
    expect(stdout).toContain(`left prisma/migrations/${migration} as it is: it is not the SQL of this version`);
    expect(await everything()).toEqual(changed);
  });

  it("writes nothing where a model of the user's own has the name, or the preview feature partialIndexes is on", async () => {
    await put("prisma/schema.prisma", `${schema}\nmodel OutboxEvent {\n  id Int @id\n}\n`);
    const conflicting = await everything();
    const conflict = await run();
    expect(conflict.exitCode).toBe(3);
    expect(conflict.stdout).toContain("prisma/schema.prisma has another model OutboxEvent");
    expect(await everything()).toEqual(conflicting);

    await put("prisma/schema.prisma", `generator client {\n  previewFeatures = ["partialIndexes"]\n}\n${schema}`);
    const flagged = await everything();
    expect((await run()).stdout).toContain("take it out of previewFeatures");
    expect(await everything()).toEqual(flagged);
  });

  it("takes the schema that it is told, in place of one that it cannot read", async () => {
    await put("prisma.config.ts", "export default { schema: folder() };");
    await put("db/schema.prisma", schema);
    expect((await run("--prisma-schema", "db/schema.prisma")).exitCode).toBe(0);
    expect(await read("db/schema.prisma")).toContain("model OutboxEvent {");
  });

  it.each([
    ["nothing", {}, "no Prisma schema was found here"],
    [
      "a computed path",
      { "prisma.config.ts": "export default { schema: folder() };", "prisma/schema.prisma": schema },
      "name it with --prisma-schema",
    ],
    [
      "a schema that is gone",
      { "prisma.config.ts": 'export default { schema: "db" };' },
      "the Prisma schema db does not exist",
    ],
    ["no datasource", { "schema.prisma": "model Order {\n  id Int @id\n}\n" }, "has no datasource"],
    ["MySQL", { "schema.prisma": 'datasource db {\n  provider = "mysql"\n}\n' }, "is for mysql"],
  ])("says in one line what is wrong with %s", async (_name, files, message) => {
    for (const [path, text] of Object.entries(files)) await put(path, text);
    const before = await everything();
    const { stdout, stderr, exitCode } = await run();
    expect(exitCode).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^omni-box: [^\n]+\n$/);
    expect(stderr).toContain(message);
    expect(await everything()).toEqual(before);
  });
});
