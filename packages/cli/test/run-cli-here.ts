import { runCli } from "../src/run-cli.js";
import type { Terminal } from "../src/terminal/terminal.js";
import type { CliRun, CliSurroundings } from "./run-cli-process.js";

/** A person at the terminal: the answer to every question. Without it nobody can be asked. */
export interface PersonAtTerminal extends CliSurroundings {
  readonly answer?: boolean;
  /** Happens while a question stands there. */
  readonly meanwhile?: () => Promise<unknown>;
}

/** What a run came to, and what was asked meanwhile. */
export interface HereRun extends CliRun {
  readonly questions: readonly string[];
}

/** Runs a command line in this process: as in one of its own, without the second that one takes to start. */
export async function runCliHere(
  args: readonly string[],
  { env = {}, cwd = process.cwd(), answer, meanwhile }: PersonAtTerminal = {},
): Promise<HereRun> {
  let stdout = "";
  let stderr = "";
  const questions: string[] = [];
  const terminal: Terminal = {
    write: (text) => {
      stdout += text;
    },
    tell: (text) => {
      stderr += text;
    },
    isInteractive: answer !== undefined,
    isScreen: false,
    env,
    cwd,
    async confirm(question) {
      questions.push(question);
      await meanwhile?.();
      return answer === true;
    },
    showProgress: () => ({ update: () => undefined, end: () => undefined }),
    onInterrupt: () => new AbortController().signal,
  };
  const exitCode = await runCli(args, terminal);
  return { exitCode, stdout, stderr, questions };
}
