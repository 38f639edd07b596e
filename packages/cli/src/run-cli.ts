import { CommanderError } from "commander";
import { createProgram } from "./create-program.js";
import { describeFailureLine } from "./describe-failure-line.js";
import { exitCodes } from "./exit-codes.js";
import { toJson } from "./render/to-json.js";
import type { Terminal } from "./terminal/terminal.js";

/**
 * Runs one command line. Failures become one line on standard error; with `--json` one document on standard output.
 *
 * @param args - without the names of Node and the program
 * @returns the exit code
 */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  const isJson = args.includes("--json");
  try {
    return await createProgram(terminal, { quietErrors: isJson }).run(args);
  } catch (error) {
    if (error instanceof CommanderError) return endOfCommander(error, terminal, isJson);
    const { code, message, exitCode } = describeFailureLine(error);
    if (isJson) terminal.write(`${toJson({ error: { code, message } })}\n`);
    else terminal.tell(`omni-box: ${message} (${code})\n`);
    if (isDebugging(terminal)) terminal.tell(`${stackOf(error)}\n`);
    return exitCode;
  }
}

/** Commander ends `--help` and `--version` by an error too; it has written its text already. */
function endOfCommander(error: CommanderError, terminal: Terminal, isJson: boolean): number {
  if (error.exitCode === 0) return exitCodes.ok;
  if (isJson) {
    const message = error.message.replace(/^error: /, "").replaceAll("\n", " ");
    terminal.write(`${toJson({ error: { code: "CLI.USAGE", message } })}\n`);
  }
  return exitCodes.usage;
}

function isDebugging({ env }: Terminal): boolean {
  return env.OMNI_BOX_DEBUG !== undefined && env.OMNI_BOX_DEBUG !== "" && env.OMNI_BOX_DEBUG !== "0";
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const stack = (error.stack ?? error.message).replaceAll(/:\/\/[^\s/]*@/g, "://***@");
  return error.cause === undefined ? stack : `${stack}\ncaused by ${stackOf(error.cause)}`;
}
