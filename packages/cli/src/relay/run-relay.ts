import { once } from "node:events";
import type { OutboxRelay } from "@omni-box/core";
import { CliFailure } from "../cli-failure.js";
import { exitCodes } from "../exit-codes.js";
import type { Terminal } from "../terminal/terminal.js";
import { type HealthServer, openHealthServer } from "./health-server.js";

/** What is run, and where it is shown. */
export interface RunRelayOptions {
  readonly relay: OutboxRelay;
  readonly terminal: Terminal;
  readonly http: { readonly host: string; readonly port: number } | null;
}

/**
 * Runs a relay until SIGTERM or SIGINT, and stops it in order. Health is shown from before the start until after the stop.
 *
 * @returns the exit code: 3 when events were still in work after the relay's stop time-out.
 */
export async function runRelay({ relay, terminal, http }: RunRelayOptions): Promise<number> {
  // From the beginning, so that a signal during the start is not lost.
  const interrupted = terminal.onInterrupt();
  const server = http === null ? null : await open(relay, http);
  try {
    await relay.start();
    terminal.tell(`the relay is running${server === null ? "" : `; health and metrics on ${server.url}`}\n`);
    if (!interrupted.aborted) await once(interrupted, "abort");
    terminal.tell("stopping the relay\n");
    const { clean, abandoned } = await relay.stop();
    if (clean) terminal.tell("the relay has stopped\n");
    else terminal.tell(`the relay has stopped, with ${abandoned} events still in work: they may be published twice\n`);
    return clean ? exitCodes.ok : exitCodes.needsAttention;
  } finally {
    await server?.close();
  }
}

async function open(relay: OutboxRelay, http: { readonly host: string; readonly port: number }): Promise<HealthServer> {
  try {
    return await openHealthServer(relay, http);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "an error";
    throw CliFailure.notDone(
      `the health and metrics server cannot use port ${http.port} of ${http.host} (${code}): choose another by --port, or --no-http`,
      "CLI.PORT",
      error,
    );
  }
}
