import { readFileSync } from "node:fs";
import { Command } from "commander";
import { doctorCommand } from "./commands/doctor-command.js";
import { eventsCommand } from "./commands/events-command.js";
import { initCommand } from "./commands/init-command.js";
import { keysCommand } from "./commands/keys-command.js";
import { migrateCommand } from "./commands/migrate-command.js";
import { relayCommand } from "./commands/relay-command.js";
import { statusCommand } from "./commands/status-command.js";
import { exitCodes } from "./exit-codes.js";
import type { Terminal } from "./terminal/terminal.js";

/** What a command is given to work with. */
export interface CommandContext {
  readonly terminal: Terminal;
  /** Makes the action of a command, whose result is the exit code. */
  readonly action: <Args extends readonly unknown[]>(
    run: (...args: Args) => Promise<number>,
  ) => (...args: Args) => Promise<void>;
}

/** The whole command line. */
export interface Program {
  /** @throws what a command throws, and a `CommanderError` for a wrong command line, `--help` and `--version`. */
  run(args: readonly string[]): Promise<number>;
}

export function createProgram(terminal: Terminal, { quietErrors }: { readonly quietErrors: boolean }): Program {
  let exitCode: number = exitCodes.ok;
  const context: CommandContext = {
    terminal,
    action:
      (run) =>
      async (...args) => {
        exitCode = await run(...args);
      },
  };
  const program = new Command("omni-box")
    .description("Sets up, migrates, shows and repairs an omni-box outbox and inbox, and runs a relay.")
    .version(readVersion(), "--version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand(false)
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 not done, 2 wrong command line, 3 done, and something needs your attention.",
    );
  const commands = [
    initCommand,
    migrateCommand,
    statusCommand,
    eventsCommand,
    keysCommand,
    doctorCommand,
    relayCommand,
  ].map((create) => create(context));
  for (const command of commands) program.addCommand(command);
  for (const command of withDescendants(program)) {
    command
      .helpOption("-h, --help", "show help")
      .helpCommand(false)
      .showHelpAfterError(false)
      .showSuggestionAfterError(true)
      .exitOverride()
      .configureOutput({
        writeOut: (text) => terminal.write(text),
        writeErr: (text) => terminal.tell(text),
        outputError: (text, write) => {
          if (!quietErrors)
            write(
              `${text
                .trim()
                .replace(/^error: /, "omni-box: ")
                .replaceAll("\n", " ")} (CLI.USAGE)\n`,
            );
        },
      });
  }
  return {
    async run(args) {
      await program.parseAsync([...args], { from: "user" });
      return exitCode;
    },
  };
}

function withDescendants(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withDescendants)];
}

function readVersion(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
