import { describeFailure, sanitizeFailureMessage } from "@omni-box/core";
import { CliFailure } from "./cli-failure.js";
import { exitCodes } from "./exit-codes.js";

/** Any failure as what the user gets to see of it. */
export interface FailureLine {
  readonly code: string;
  /** One line, free of credentials. */
  readonly message: string;
  readonly exitCode: number;
}

/** What to do about errors whose own text, written for a program, does not say it to somebody at a terminal. */
const advice: Readonly<Record<string, string>> = {
  "STORE.ACCESS_DENIED": "connect as a role that has the rights, or grant them",
  "STORE.CONFLICT": "run it again",
  "STORE.TIMEOUT": "run it again; omni-box doctor looks for reasons",
  "STORE.UNREACHABLE": "check that the server runs, and host and port in --database-url or DATABASE_URL",
};

/** Turns anything that was thrown into one line that says what is wrong and what to do. */
export function describeFailureLine(error: unknown): FailureLine {
  if (error instanceof CliFailure) {
    return { code: error.code, message: sanitizeFailureMessage(error.message), exitCode: error.exitCode };
  }
  const { code, message } = describeFailure(error);
  const text = message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message;
  const toDo = advice[code];
  return { code, message: toDo === undefined ? text : `${text}. ${sentence(toDo)}`, exitCode: exitCodes.notDone };
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
