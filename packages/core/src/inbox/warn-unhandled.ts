import type { InboxEvent } from "../events/inbox-event.js";
import type { Logger } from "../protocols/logger.js";

/** Senders can invent any number of kinds. */
const kindsMax = 1_000;

/** Warns about each kind of event that nobody handles, once for its topic, type and version. */
export function createUnhandledWarning(
  logger: Logger,
): (event: Pick<InboxEvent, "topic" | "type" | "schemaVersion" | "consumerGroup">) => void {
  const named = new Set<string>();
  return ({ topic, type, schemaVersion, consumerGroup }) => {
    const kind = JSON.stringify([topic, type, schemaVersion]);
    if (named.has(kind) || named.size >= kindsMax) return;
    named.add(kind);
    const fields = { topic, type, schemaVersion, consumerGroup, code: "INBOX.NO_HANDLER" };
    logger.warn(
      fields,
      "there is no handler for a kind of event: it is retried until it fails; register one with router.on(…)",
    );
  };
}
