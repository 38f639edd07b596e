import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { findPrismaProject, type PrismaProject } from "./find-prisma-project.js";
import { type ModelPlan, mergeModels } from "./merge-models.js";
import { type MigrationPlan, planMigrations } from "./plan-migrations.js";
import { readShippedFiles } from "./shipped-files.js";

/** What `init` did, or would do. */
export interface InitReport {
  readonly dryRun: boolean;
  readonly migrationsFolder: string;
  readonly models: readonly ModelPlan[];
  readonly migrations: readonly MigrationPlan[];
  /** What keeps the project from working; nothing was written then. */
  readonly problems: readonly string[];
}

/** Options of {@link initialize}. */
export interface InitializeOptions {
  readonly cwd: string;
  readonly prismaSchema: string | undefined;
  readonly dryRun: boolean;
  readonly now: Date;
}

/**
 * Adds the models and the migrations to a Prisma project. Idempotent: what is there stays as it is. After a kill in the middle the
 * next call does the rest.
 */
export async function initialize({ cwd, prismaSchema, dryRun, now }: InitializeOptions): Promise<InitReport> {
  const shipped = await readShippedFiles();
  const project = await findPrismaProject(cwd, prismaSchema);
  const { models, files } = mergeModels(shipped.schema, project.files, project.home);
  const migrations = planMigrations(shipped.migrations, await readExisting(cwd, project), now);
  const problems = findProblems(project, models);
  if (!dryRun && problems.length === 0) {
    for (const { path, text } of files) await writeFile(join(cwd, path), text);
    for (const { name, folder, action } of migrations) {
      const sql = shipped.migrations.find((one) => one.name === name)?.sql;
      if (action === "add" && sql !== undefined)
        await write(join(cwd, project.migrationsFolder, folder, "migration.sql"), sql);
    }
  }
  return { dryRun, migrationsFolder: project.migrationsFolder, models, migrations, problems };
}

function findProblems({ files }: PrismaProject, models: readonly ModelPlan[]): readonly string[] {
  const conflicts = models
    .filter(({ action }) => action === "conflict")
    .map(
      ({ model, file }) => `${file} has another model ${model}: give it a new name, and keep its table's name by @@map`,
    );
  const flagged = files.filter(({ text }) => /\bpreviewFeatures\s*=\s*\[[^\]]*"partialIndexes"/.test(text));
  return [
    ...conflicts,
    ...flagged.map(
      ({ path }) =>
        `${path} has the preview feature partialIndexes, with which prisma migrate drops every partial index that no model ` +
        "names, those of omni-box too: take it out of previewFeatures",
    ),
  ];
}

async function readExisting(
  cwd: string,
  { migrationsFolder, migrations }: PrismaProject,
): Promise<ReadonlyMap<string, string | null>> {
  const read = migrations.map(async (folder) => {
    const sql = await readFile(join(cwd, migrationsFolder, folder, "migration.sql"), "utf8").catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return null;
        throw error;
      },
    );
    return [folder, sql === "" ? null : sql] as const;
  });
  return new Map(await Promise.all(read));
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
