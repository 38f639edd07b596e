#!/usr/bin/env node
import { runCli } from "./run-cli.js";
import { processTerminal } from "./terminal/process-terminal.js";

// A reader that has seen enough, such as `head`, is no failure.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
}

const exitCode = await runCli(process.argv.slice(2), processTerminal());
// What a user's configuration left open must not keep the process alive. Standard output may still be on its way to a pipe.
process.stdout.write("", () => process.exit(exitCode));
