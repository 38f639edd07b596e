import { Command } from "commander";
import type { CommandContext } from "../create-program.js";
import { changeCommand } from "./events/change-command.js";
import { listCommand } from "./events/list-command.js";
import { showCommand } from "./events/show-command.js";

/** `omni-box events`. */
export function eventsCommand(context: CommandContext): Command {
  return new Command("events")
    .description("list, show and repair stored events")
    .addCommand(listCommand(context))
    .addCommand(showCommand(context))
    .addCommand(changeCommand(context, "requeue"))
    .addCommand(changeCommand(context, "skip"))
    .addCommand(changeCommand(context, "purge"));
}
