import { type OutboxRelay, objectWith } from "@omni-box/core";
import { Command } from "commander";
import { CliFailure } from "../cli-failure.js";
import type { OmniBoxConfig } from "../config/define-config.js";
import { loadConfig } from "../config/load-config.js";
import type { CommandContext } from "../create-program.js";
import { cliDefaults } from "../defaults.js";
import { someText, wholeNumber } from "../options/parse-option.js";
import { runRelay } from "../relay/run-relay.js";

interface RelayOptions {
  readonly config?: string;
  readonly host?: string;
  readonly port?: number;
  readonly http: boolean;
}

/** `omni-box relay`. */
export function relayCommand({ terminal, action }: CommandContext): Command {
  return new Command("relay")
    .description("run the relay that omni-box.config makes, until SIGTERM or Ctrl-C")
    .option("--config <file>", "the configuration; default: omni-box.config.ts, .mts, .js or .mjs", someText(1_000))
    .option(
      "--host <host>",
      `address of the health and metrics server; default: ${cliDefaults.http.host}`,
      someText(255),
    )
    .option("--port <port>", `its port; 0: any free one; default: ${cliDefaults.http.port}`, wholeNumber(0, 65_535))
    .option("--no-http", "no such server")
    .action(
      action(async (options: RelayOptions) => {
        const config = await loadConfig(terminal.cwd, options.config);
        if (config === undefined) {
          throw CliFailure.usage(
            "there is no omni-box.config.ts, .mts, .js or .mjs here: write one, or name it with --config",
          );
        }
        const relay = await makeRelay(config);
        try {
          return await runRelay({ relay, terminal, http: httpOf(options, config) });
        } finally {
          await config.close?.();
        }
      }),
    );
}

async function makeRelay({ relay: make }: OmniBoxConfig): Promise<OutboxRelay> {
  if (make === undefined) {
    throw CliFailure.notDone(
      "the configuration makes no relay: give it relay: () => createOutboxRelay({ … })",
      "CLI.CONFIG",
    );
  }
  const relay = objectWith<OutboxRelay>("a relay", "start", "stop", "health", "metrics").safeParse(await make());
  if (relay.success) return relay.data;
  throw CliFailure.notDone(
    "what relay() of the configuration returned is no relay: return createOutboxRelay({ … })",
    "CLI.CONFIG",
  );
}

function httpOf({ http, host, port }: RelayOptions, config: OmniBoxConfig) {
  if (!http || (config.http === false && host === undefined && port === undefined)) return null;
  const configured = config.http === false ? {} : config.http;
  return {
    host: host ?? configured?.host ?? cliDefaults.http.host,
    port: port ?? configured?.port ?? cliDefaults.http.port,
  };
}
