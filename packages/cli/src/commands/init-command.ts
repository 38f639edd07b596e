import { Command } from "commander";
import type { CommandContext } from "../create-program.js";
import { exitCodes } from "../exit-codes.js";
import { type InitReport, initialize } from "../init/initialize.js";
import type { ModelPlan } from "../init/merge-models.js";
import { addOutputOptions, type OutputOptions } from "../options/shared-options.js";
import { writeResult } from "../render/write-result.js";

interface InitOptions extends OutputOptions {
  readonly prismaSchema?: string;
  readonly dryRun?: boolean;
}

/** `omni-box init`. */
export function initCommand({ terminal, action }: CommandContext): Command {
  const command = new Command("init")
    .description("add the models to your Prisma schema, and the migrations beside yours")
    .option(
      "--prisma-schema <path>",
      "the schema file or folder; default: that of prisma.config, else prisma/schema.prisma",
    )
    .option("--dry-run", "write nothing, and say what would be written");
  return addOutputOptions(command).action(
    action(async (options: InitOptions) => {
      const { prismaSchema, dryRun = false } = options;
      const report = await initialize({ cwd: terminal.cwd, prismaSchema, dryRun, now: new Date() });
      writeResult(terminal, options, report, () => renderInit(report));
      return report.problems.length === 0 ? exitCodes.ok : exitCodes.needsAttention;
    }),
  );
}

function renderInit({ dryRun, models, migrations, migrationsFolder, problems }: InitReport): string {
  if (problems.length > 0) return `nothing was written:\n${problems.map((problem) => `  ${problem}\n`).join("")}`;
  const verb = dryRun ? "would add" : "added";
  const added = models.filter(({ action }) => action === "add");
  const lines = [
    ...[...new Set(added.map(({ file }) => file))].map((file) => {
      const names = added.filter((one) => one.file === file).map(({ model }) => model);
      return `${verb} to ${file}: ${names.join(", ")}`;
    }),
    ...models
      .filter(({ action }) => action === "extend")
      .map(({ model, file, missing }) => `${verb} to ${model} in ${file}: ${missing.join(", ")}`),
    ...models.filter(({ different }) => different.length > 0).map(describeKept),
    ...migrations.filter(({ action }) => action === "add").map(({ folder }) => `${verb} ${migrationsFolder}/${folder}`),
    ...migrations
      .filter(({ action }) => action === "keep")
      .map(({ folder }) => `left ${migrationsFolder}/${folder} as it is: it is not the SQL of this version`),
  ];
  const changes = [...models, ...migrations].some(({ action }) => action === "add" || action === "extend");
  if (!changes) lines.push("nothing to do: models and migrations are there");
  else if (!dryRun) lines.push("next: npx prisma generate, then npx prisma migrate deploy");
  return lines.map((line) => `${line}\n`).join("");
}

function describeKept({ model, file, different }: ModelPlan): string {
  return `left ${model} in ${file} as you changed it; this version has: ${different.join("; ")}`;
}
