import { Command } from "commander";
import type { CommandContext } from "../create-program.js";
import { listKeysCommand } from "./keys/list-keys-command.js";
import { releaseKeyCommand } from "./keys/release-key-command.js";

/** `omni-box keys`. */
export function keysCommand(context: CommandContext): Command {
  return new Command("keys")
    .description("list and release partition keys that stand still behind a failed event")
    .addCommand(listKeysCommand(context))
    .addCommand(releaseKeyCommand(context));
}
