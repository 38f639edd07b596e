import { applyOmniBoxMigrations, type OmniBoxMigration } from "@omni-box/prisma";
import { Command } from "commander";
import type { CommandContext } from "../create-program.js";
import { type ConnectionOptions, type DatabaseTarget, databaseTarget } from "../database/database-target.js";
import { readMigrations } from "../database/read-migrations.js";
import { withDatabase } from "../database/with-database.js";
import { cliDefaults } from "../defaults.js";
import { exitCodes } from "../exit-codes.js";
import { waitingTime } from "../options/parse-option.js";
import { addConnectionOptions, type OutputOptions } from "../options/shared-options.js";
import { renderTime } from "../render/age.js";
import { renderTable } from "../render/table.js";
import { writeResult } from "../render/write-result.js";

type MigrateOptions = ConnectionOptions & OutputOptions & { readonly dryRun?: boolean; readonly timeout: number };

/** `omni-box migrate` and `omni-box migrate status`. */
export function migrateCommand({ terminal, action }: CommandContext): Command {
  const status = addConnectionOptions(
    new Command("status").description(
      "show which migrations the database has; exit code 3 when one is missing or changed",
    ),
  ).action(
    action(async (_: unknown, command: Command) => {
      const options = command.optsWithGlobals<MigrateOptions>();
      const target = databaseTarget(options, terminal);
      const migrations = await withDatabase(target, (client) => readMigrations(client, target));
      writeResult(terminal, options, { migrations }, () => renderMigrations(migrations));
      const isComplete = migrations.every(({ state }) => state === "applied" || state === "unknown");
      return isComplete ? exitCodes.ok : exitCodes.needsAttention;
    }),
  );

  return addConnectionOptions(
    new Command("migrate")
      .description("create or update the tables, where Prisma does not apply your migrations")
      .option("--dry-run", "change nothing, and say which migrations would be applied")
      .option(
        "--timeout <duration>",
        "how long one migration may take, waiting for others included",
        waitingTime(1),
        cliDefaults.migrateTimeoutMs,
      ),
  )
    .action(
      action(async (options: MigrateOptions) => {
        const target = databaseTarget(options, terminal);
        const dryRun = options.dryRun === true;
        const applied = dryRun ? await wouldApply(target) : await apply(target, options.timeout);
        writeResult(terminal, options, { dryRun, applied }, () => {
          if (applied.length === 0) return `nothing to do: ${target.name} has all migrations\n`;
          return applied.map((name) => `${dryRun ? "would apply" : "applied"} ${name}\n`).join("");
        });
        return exitCodes.ok;
      }),
    )
    .addCommand(status);

  async function apply(target: DatabaseTarget, timeoutMs: number): Promise<readonly string[]> {
    const progress = terminal.showProgress(`migrating ${target.name}`);
    try {
      return await withDatabase(
        target,
        async (client) => {
          await readMigrations(client, target);
          return (await applyOmniBoxMigrations(client, { schema: target.schema, timeoutMs })).applied;
        },
        timeoutMs,
      );
    } finally {
      progress.end();
    }
  }
}

async function wouldApply(target: DatabaseTarget): Promise<readonly string[]> {
  const migrations = await withDatabase(target, (client) => readMigrations(client, target));
  return migrations.filter(({ state }) => state === "missing").map(({ name }) => name);
}

function renderMigrations(migrations: readonly OmniBoxMigration[]): string {
  const table = renderTable(
    ["MIGRATION", "STATE", "APPLIED", "BY"],
    migrations.map(({ name, state, appliedAt, appliedBy }) => [name, state, renderTime(appliedAt), appliedBy ?? "-"]),
  );
  const advice = [
    migrations.some(({ state }) => state === "missing") &&
      "Apply what is missing: omni-box migrate, or prisma migrate deploy.",
    migrations.some(({ state }) => state === "changed") &&
      "Changed: the package's SQL is not what was applied. Install the package anew; changes of yours belong into a migration of yours.",
    migrations.some(({ state }) => state === "unknown") && "Unknown: applied by a later version, which does no harm.",
  ].filter((line) => line !== false);
  return [table, ...advice.map((line) => `${line}\n`)].join("");
}
