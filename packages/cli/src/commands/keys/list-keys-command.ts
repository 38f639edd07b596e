import type { BlockedKey } from "@omni-box/core";
import { Command } from "commander";
import type { CommandContext } from "../../create-program.js";
import { withAdministration } from "../../database/with-administration.js";
import { cliDefaults } from "../../defaults.js";
import { exitCodes } from "../../exit-codes.js";
import { wholeNumber } from "../../options/parse-option.js";
import { addStoreOptions, type StoreOptions } from "../../options/shared-options.js";
import { renderTime } from "../../render/age.js";
import { shortError } from "../../render/render-event-list.js";
import { renderTable } from "../../render/table.js";
import { writeResult } from "../../render/write-result.js";

interface ListKeysOptions extends StoreOptions {
  readonly limit: number;
}

/** `omni-box keys list`. */
export function listKeysCommand({ terminal, action }: CommandContext): Command {
  const command = new Command("list")
    .description("list keys with a failed event, those first whose event is the oldest")
    .option("--limit <number>", "how many at most, up to 1000", wholeNumber(1, 1_000), cliDefaults.listLimit);
  return addStoreOptions(command).action(
    action(async (options: ListKeysOptions) => {
      const keys = await withAdministration(options, terminal, (administration, { consumerGroup }) =>
        administration.blockedKeys({ limit: options.limit, ...(consumerGroup !== undefined && { consumerGroup }) }),
      );
      writeResult(terminal, options, { keys }, () => (keys.length === 0 ? "no key is blocked\n" : renderKeys(keys)));
      return exitCodes.ok;
    }),
  );
}

function renderKeys(keys: readonly BlockedKey[]): string {
  const isInbox = keys.some(({ consumerGroup }) => consumerGroup !== null);
  return renderTable(
    ["KEY", ...(isInbox ? ["GROUP"] : []), "WAITING", "SINCE", "HEAD SEQ", "HEAD ID", "TYPE", "LAST ERROR"],
    keys.map(({ partitionKey, consumerGroup, waiting, since, head }) => [
      partitionKey,
      ...(isInbox ? [consumerGroup ?? "-"] : []),
      `${waiting}`,
      renderTime(since),
      `${head.seq}`,
      head.id,
      head.type,
      head.lastError === null ? "-" : shortError(head.lastError, head.id),
    ]),
  );
}
