import { exitCodes } from "./exit-codes.js";

/** Ends a command with one line that says what is wrong and what to do. */
export class CliFailure extends Error {
  override readonly name = "CliFailure";
  readonly exitCode: number;
  readonly code: string;

  private constructor(message: string, code: string, exitCode: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.exitCode = exitCode;
  }

  /** The command line is wrong. */
  static usage(message: string): CliFailure {
    return new CliFailure(message, "CLI.USAGE", exitCodes.usage);
  }

  /** The command could not do its work; `cause` is shown only when debugging. */
  static notDone(message: string, code = "CLI.NOT_DONE", cause?: unknown): CliFailure {
    return new CliFailure(message, code, exitCodes.notDone, cause);
  }

  /** What was named does not exist, or is in no state for the command. */
  static needsAttention(message: string, code = "CLI.NEEDS_ATTENTION"): CliFailure {
    return new CliFailure(message, code, exitCodes.needsAttention);
  }
}
