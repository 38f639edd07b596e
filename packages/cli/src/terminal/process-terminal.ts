import { createInterface } from "node:readline/promises";
import ora from "ora";
import type { Terminal } from "./terminal.js";

/** The terminal of this process. */
export function processTerminal(): Terminal {
  return {
    write: (text) => void process.stdout.write(text),
    tell: (text) => void process.stderr.write(text),
    // The question is asked on standard error, so that it is seen when the result goes to a file.
    isInteractive: process.stdin.isTTY === true && process.stderr.isTTY === true,
    isScreen: process.stdout.isTTY === true,
    env: process.env,
    cwd: process.cwd(),
    async confirm(question) {
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      const ended = new AbortController();
      lines.once("close", () => ended.abort());
      lines.once("SIGINT", () => lines.close());
      try {
        const answer = await lines.question(`${question} [y/N] `, { signal: ended.signal });
        return /^y(es)?$/i.test(answer.trim());
      } catch (error) {
        // The end of the input, or Ctrl-C, is no answer.
        if (ended.signal.aborted) return false;
        throw error;
      } finally {
        lines.close();
      }
    },
    showProgress(text) {
      // In a terminal that has not told its width yet (0) the spinner would clear lines without end.
      const isSilent = process.stderr.isTTY !== true || process.stderr.columns === 0;
      const spinner = ora({ text, isSilent, discardStdin: false }).start();
      return {
        update: (next) => {
          spinner.text = next;
        },
        end: () => void spinner.stop(),
      };
    },
    onInterrupt() {
      const controller = new AbortController();
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        process.on(signal, () => {
          if (controller.signal.aborted) process.exit(signal === "SIGINT" ? 130 : 143);
          controller.abort();
        });
      }
      return controller.signal;
    },
  };
}
