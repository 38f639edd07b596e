import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { CliFailure } from "../cli-failure.js";
import type { SchemaFile } from "./merge-models.js";

/** The Prisma schema and migrations of a user's project. */
export interface PrismaProject {
  /** All files that Prisma reads as the schema, with paths relative to the project. */
  readonly files: readonly SchemaFile[];
  /** Where models that are missing go. */
  readonly home: string;
  readonly migrationsFolder: string;
  /** Folders with migrations that are there. */
  readonly migrations: readonly string[];
}

const extensions = ["ts", "mts", "cts", "js", "mjs", "cjs"];
const configFiles = [
  ...extensions.map((one) => `prisma.config.${one}`),
  ...extensions.map((one) => `.config/prisma.${one}`),
];
const defaultSchemas = ["prisma/schema.prisma", "schema.prisma"];

/**
 * Finds what Prisma itself would read: the schema that `prisma.config` names, else its default places.
 *
 * @param given - a schema file or folder that the user named instead
 * @throws {CliFailure} when there is none, or it is not for PostgreSQL.
 */
export async function findPrismaProject(cwd: string, given: string | undefined): Promise<PrismaProject> {
  const config = await readConfig(cwd);
  if (given === undefined && config?.hasComputedSchema === true) {
    throw CliFailure.notDone(
      `the schema in ${config.file} cannot be read from its text: name it with --prisma-schema <file or folder>`,
      "CLI.NO_PRISMA_SCHEMA",
    );
  }
  const schemaPath = (given && relativeTo(cwd, given)) ?? config?.schema ?? (await firstExisting(cwd, defaultSchemas));
  if (schemaPath === undefined) {
    throw CliFailure.notDone(
      "no Prisma schema was found here: run this in the folder of your package.json, or name it with --prisma-schema",
      "CLI.NO_PRISMA_SCHEMA",
    );
  }
  const isFolder = await stat(join(cwd, schemaPath)).then(
    (found) => found.isDirectory(),
    () => undefined,
  );
  if (isFolder === undefined)
    throw CliFailure.notDone(`the Prisma schema ${schemaPath} does not exist`, "CLI.NO_PRISMA_SCHEMA");
  const paths = isFolder ? await schemaFilesIn(cwd, schemaPath) : [schemaPath];
  const files = await Promise.all(paths.map(async (path) => ({ path, text: await readFile(join(cwd, path), "utf8") })));
  const source = files.find(({ text }) => /^\s*datasource\s+\w+\s*\{/m.test(text));
  requirePostgresql(source, schemaPath);
  const migrationsFolder = config?.migrations ?? join(dirname(source?.path ?? schemaPath), "migrations");
  return {
    files,
    home: isFolder ? join(schemaPath, "omni-box.prisma") : schemaPath,
    migrationsFolder,
    migrations: await foldersIn(join(cwd, migrationsFolder)),
  };
}

function relativeTo(cwd: string, path: string): string {
  return relative(cwd, resolve(cwd, path)) || ".";
}

interface PrismaConfig {
  readonly file: string;
  readonly schema: string | undefined;
  /** It names one in a way that only running it could tell. */
  readonly hasComputedSchema: boolean;
  readonly migrations: string | undefined;
}

/** Reads the two paths from the text of `prisma.config`, which is not run: it may need what is not there yet. */
async function readConfig(cwd: string): Promise<PrismaConfig | undefined> {
  const file = await firstExisting(cwd, configFiles);
  if (file === undefined) return undefined;
  const text = (await readFile(join(cwd, file), "utf8")).replaceAll(/\/\*[\s\S]*?\*\/|(?<![:"'`])\/\/.*$/gm, "");
  const fromHere = (path: string | undefined) =>
    path === undefined ? undefined : relativeTo(cwd, resolve(cwd, dirname(file), path));
  const schema = fromHere(/\bschema\s*:\s*["'`]([^"'`$]+)["'`]/.exec(text)?.[1]);
  return {
    file,
    schema,
    hasComputedSchema: schema === undefined && /\bschema\s*[:,}]/.test(text),
    migrations: fromHere(/\bmigrations\s*:\s*\{[^}]*?\bpath\s*:\s*["'`]([^"'`$]+)["'`]/.exec(text)?.[1]),
  };
}

function requirePostgresql(source: SchemaFile | undefined, schemaPath: string): void {
  if (source === undefined) {
    throw CliFailure.notDone(`the Prisma schema ${schemaPath} has no datasource: add it first`, "CLI.NO_PRISMA_SCHEMA");
  }
  const provider = /^\s*datasource\s+\w+\s*\{[^}]*?\bprovider\s*=\s*"(\w+)"/m.exec(source.text)?.[1];
  if (provider === "postgresql" || provider === "postgres") return;
  throw CliFailure.notDone(
    `the datasource in ${source.path} is for ${provider ?? "no database that can be read"}, and the migrations of omni-box are for postgresql`,
    "CLI.UNSUPPORTED_DATABASE",
  );
}

async function schemaFilesIn(cwd: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(cwd, folder), { recursive: true });
  return entries
    .filter((path) => path.endsWith(".prisma"))
    .map((path) => join(folder, path))
    .sort();
}

async function foldersIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

async function firstExisting(cwd: string, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const exists = await stat(join(cwd, path)).then(
      () => true,
      () => false,
    );
    if (exists) return path;
  }
  return undefined;
}
